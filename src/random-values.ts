/** Numbers in [-1, 1), the same for the same seed, without a period that a kernel could profit from. */
export function randomValues(seed: number, length: number): Float32Array {
  return randomSource(seed)(length)
}

/** Gives the numbers of {@link randomValues} piece by piece, each as long as asked for. */
export function randomSource(seed: number): (length: number) => Float32Array {
  let state = seed >>> 0
  return (length) => {
    const values = new Float32Array(length)
    for (let i = 0; i < length; i++) {
      // The high bits of a linear congruence.
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      values[i] = state / 2 ** 31 - 1
    }
    return values
  }
}
