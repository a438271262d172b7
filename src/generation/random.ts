import { seedWords } from './seed.js'

/**
 * The random u32 of one draw: Philox4x32-10 (Salmon et al., SC 2011) keyed with the seed and counting draws. There is no
 * state to carry along, so the GPU draws step n of a reply without having drawn the steps before.
 *
 * @param seed of the reply, below 2^53
 * @param step how many ids of the reply were drawn before
 */
export function randomWord(seed: number, step: number): number {
  return philox4x32([step, 0, 0, 0], seedWords(seed))[0]
}

/** Four u32: {@link randomWord} takes the first. */
export type Counter = readonly [number, number, number, number]

/** The Philox4x32 bijection with its ten rounds. */
export function philox4x32(counter: Counter, key: readonly [number, number]): Counter {
  let [a, b, c, d] = counter
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
    const [highA, lowA] = [multiplyHigh(a, 0xd2511f53), Math.imul(a, 0xd2511f53) >>> 0]
    const [highC, lowC] = [multiplyHigh(c, 0xcd9e8d57), Math.imul(c, 0xcd9e8d57) >>> 0]
    ;[a, b, c, d] = [(highC ^ b ^ k0) >>> 0, lowC, (highA ^ d ^ k1) >>> 0, lowA]
    k0 = (k0 + 0x9e3779b9) >>> 0
    k1 = (k1 + 0xbb67ae85) >>> 0
  }
  return [a, b, c, d]
}

/** The upper 32 bits of the product of two u32. */
export function multiplyHigh(a: number, b: number): number {
  const low = (a & 0xffff) * b
  return Math.floor(((a >>> 16) * b + Math.floor(low / 0x10000)) / 0x10000)
}
