/** Numbers in [-1, 1), the same for the same seed, without a period that a kernel could profit from. */
export function randomValues(seed: number, length: number): Float32Array {
  let state = seed >>> 0
  return Float32Array.from({ length }, () => {
    // The high bits of a linear congruence.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}
