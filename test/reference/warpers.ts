/**
 * Warpers, in Hugging Face's semantics (transformers 4.2): temperature, top-k, top-p, softmax, in this order. They work
 * on integers, so that the GPU, whose `exp` and whose order of summing differ from adapter to adapter, finds the very
 * same probabilities:
 *
 * - A score becomes its **distance** below the best one, (best − score) / temperature, in units of 2^-27 of a bit: one bit
 *   halves the probability. 32 bits away, an id is {@link OUT} of the draw.
 * - A distance becomes a **weight**, 2^31 for the best id, in proportion to the probability. Sums of weights are exact.
 */
import { multiplyHigh } from '../../src/generation/random.js'
import { bitsPerScore, fractionWord } from '../../src/ops/sampling-rows.js'

/** The distance of an id that cannot be drawn. */
export const OUT = 0xffffffff

/** Softmax's temperature: the distance below the best of every score, finite or −∞. Where all are −∞ all are {@link OUT}. */
export function distances(scores: Float32Array, temperature: number): Uint32Array {
  const scale = bitsPerScore(temperature)
  let best = -Infinity
  for (const score of scores) if (score > best) best = score
  const result = new Uint32Array(scores.length).fill(OUT)
  if (!Number.isFinite(best)) return result
  for (let id = 0; id < scores.length; id++) {
    const bits = Math.fround(Math.fround(best - scores[id]!) * scale)
    if (bits < 32) result[id] = bits * 2 ** 27
  }
  return result
}

/** Keeps the `k` nearest ids, and those that tie with the last of them; 0 keeps all. */
export function keepTopK(distance: Uint32Array, k: number): void {
  if (k === 0 || k >= distance.length) return
  const last = distance.slice().sort()[k - 1]!
  for (let id = 0; id < distance.length; id++) if (distance[id]! > last) distance[id] = OUT
}

/**
 * Keeps the fewest nearest ids whose probabilities add up to more than `p`, at least one; of ids that tie, lower ones come
 * first. 1 keeps all.
 */
export function keepTopP(distance: Uint32Array, p: number): void {
  const fraction = fractionWord(p)
  if (fraction === OUT) return
  let total = 0
  for (const it of distance) total += weight(it)
  const enough = fractionOf(total, fraction)
  let mass = 0
  for (const id of nearestFirst(distance)) {
    if (mass > enough) distance[id] = OUT
    else mass += weight(distance[id]!)
  }
}

function nearestFirst(distance: Uint32Array): number[] {
  const ids = Array.from(distance.keys()).filter((id) => distance[id] !== OUT)
  return ids.sort((a, b) => distance[a]! - distance[b]! || a - b)
}

/** Coefficients of 2^-x = 1 − x(c₀ − x(c₁ − …)) on [0, 1] in units of 2^-32; off by 1e-7 at most, exact at both ends. */
const HALVING = [0xb171d743, 0x3d7c330c, 0x0e27377b, 0x025a6501, 0x003d894f] as const

/** 2^31 · 2^-(distance/2^27), rounded down: in proportion to the probability; 0 for {@link OUT}. */
export function weight(distance: number): number {
  const x = (distance << 5) >>> 0
  let y: number = HALVING[4]
  for (let i = 3; i >= 0; i--) y = HALVING[i]! - multiplyHigh(x, y)
  return (0x80000000 - (multiplyHigh(x, y) >>> 1)) >>> (distance >>> 27)
}

/** Softmax: what {@link distances} stand for, as probabilities. */
export function probabilities(distance: Uint32Array): Float32Array {
  const weights = Array.from(distance, weight)
  const total = weights.reduce((sum, it) => sum + it, 0)
  return Float32Array.from(weights, (it) => it / total)
}

/** `floor(sum · fraction / 2^32)` for a u32 `fraction` and a `sum` below 2^48: the part of a sum. */
export function fractionOf(sum: number, fraction: number): number {
  return Number((BigInt(sum) * BigInt(fraction)) >> 32n)
}
