/**
 * The order that Python's `random.seed(seed); random.shuffle(list)` brings a list of `length` items into: the index that each
 * place takes its item from.
 *
 * Written here because a published split is defined by it, and no maintained package seeds the generator as Python does. The
 * generator is MT19937 (Matsumoto and Nishimura, 1998), seeded by `init_by_array`.
 */
export function pythonShuffle(length: number, seed: number): number[] {
  const next = mersenneTwister(seed)
  const order = [...Array(length).keys()]
  for (let last = length - 1; last > 0; last--) {
    const bits = 32 - Math.clz32(last + 1)
    let at = next() >>> (32 - bits)
    while (at > last) at = next() >>> (32 - bits)
    ;[order[last], order[at]] = [order[at]!, order[last]!]
  }
  return order
}

const SIZE = 624

/** A source of random u32. */
function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(SIZE)
  const mixed = (i: number, factor: number) =>
    (state[i]! ^ Math.imul(state[i - 1]! ^ (state[i - 1]! >>> 30), factor)) >>> 0
  state[0] = 19650218
  for (let i = 1; i < SIZE; i++) state[i] = Math.imul(state[i - 1]! ^ (state[i - 1]! >>> 30), 1812433253) + i
  let i = 1
  const advance = () => {
    if (++i < SIZE) return
    state[0] = state[SIZE - 1]!
    i = 1
  }
  for (let k = 0; k < SIZE; k++, advance()) state[i] = mixed(i, 1664525) + seed
  for (let k = 1; k < SIZE; k++, advance()) state[i] = mixed(i, 1566083941) - i
  state[0] = 0x80000000

  let at = SIZE
  return () => {
    if (at === SIZE) {
      at = 0
      for (let i = 0; i < SIZE; i++) {
        const y = (state[i]! & 0x80000000) | (state[(i + 1) % SIZE]! & 0x7fffffff)
        state[i] = state[(i + 397) % SIZE]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)
      }
    }
    let y = state[at++]!
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    return (y ^ (y >>> 18)) >>> 0
  }
}
