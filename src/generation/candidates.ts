import type { ResolvedOptions } from './options.js'

/** An id that could have been drawn. */
export interface Candidate {
  readonly id: number
  /** Of the draw: those of all that were left add up to 1. */
  readonly probability: number
}

/** What an id was drawn from. */
export interface Candidates {
  /** How many ids there were. */
  readonly left: number
  /** The likeliest of them, best first. */
  readonly best: readonly Candidate[]
  /** 0 for one that was not left. */
  probabilityOf(id: number): number
}

/** Scores this many bits below the best have no part in a draw. */
const MOST_BITS = 32

/**
 * What temperature, top-k and top-p leave of processed scores; where nothing is sampled (`doSample` off, or beams) all that is
 * left of the scores themselves. The draw's own sums are of integers: a probability here is off from its by 1e-6 at most.
 *
 * @param most how many of the best are told
 */
export function candidates(
  scores: Float32Array,
  { doSample, temperature, topK, topP }: Pick<ResolvedOptions, 'doSample' | 'temperature' | 'topK' | 'topP'>,
  most: number,
): Candidates {
  const bits = bitsBelowBest(scores, doSample ? temperature : 1)
  if (doSample && topK > 0) keepTopK(bits, topK)
  if (doSample && topP < 1) keepTopP(bits, topP)
  let [left, mass] = [0, 0]
  for (let id = 0; id < bits.length; id++) {
    if (bits[id] === Infinity) continue
    left++
    mass += 2 ** -bits[id]!
  }
  const probabilityOf = (id: number) => 2 ** -bits[id]! / mass
  const best = nearest(bits, most).map((id) => ({ id, probability: probabilityOf(id) }))
  return { left, best, probabilityOf }
}

/** How many times a probability is halved from the best's; infinite for an id that cannot be drawn. */
function bitsBelowBest(scores: Float32Array, temperature: number): Float64Array {
  let best = -Infinity
  for (const score of scores) if (score > best) best = score
  const bits = new Float64Array(scores.length)
  for (let id = 0; id < bits.length; id++) {
    const below = scores[id] === best ? 0 : ((best - scores[id]!) * Math.LOG2E) / temperature
    bits[id] = below < MOST_BITS ? below : Infinity
  }
  return bits
}

/** Those that tie with the last stay too. */
function keepTopK(bits: Float64Array, k: number): void {
  if (k >= bits.length) return
  const last = nearest(bits, k).at(-1)!
  const furthest = bits[last]!
  for (let id = 0; id < bits.length; id++) if (bits[id]! > furthest) bits[id] = Infinity
}

/** The fewest that together are more probable than `p`; of ids that tie, lower ones come first. */
function keepTopP(bits: Float64Array, p: number): void {
  const ids = Uint32Array.from(bits.keys()).filter((id) => bits[id]! < MOST_BITS)
  ids.sort((a, b) => bits[a]! - bits[b]! || a - b)
  const enough = p * ids.reduce((sum, id) => sum + 2 ** -bits[id]!, 0)
  let mass = 0
  for (const id of ids) {
    if (mass > enough) bits[id] = Infinity
    else mass += 2 ** -bits[id]!
  }
}

/** The ids with the fewest bits, `count` at most, nearest first: without sorting all the others. Plain loops, as there are many. */
function nearest(bits: Float64Array, count: number): number[] {
  const found: number[] = []
  let furthest = Infinity
  for (let id = 0; id < bits.length; id++) {
    const it = bits[id]!
    if (it >= furthest || it === Infinity) continue
    let place = found.length
    while (place > 0 && bits[found[place - 1]!]! > it) place--
    found.splice(place, 0, id)
    if (found.length > count) found.pop()
    if (found.length === count) furthest = bits[found.at(-1)!]!
  }
  return found
}
