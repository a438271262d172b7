import type { ResolvedOptions } from './options.js'

/** An id that could have been drawn. */
export interface Candidate {
  readonly id: number
  /** Of the draw: those of all that were left add up to 1. */
  readonly probability: number
}

/** Scores this many bits below the best have no part in a draw. */
const MOST_BITS = 32

/**
 * What temperature, top-k and top-p leave of processed scores, likeliest first; where nothing is sampled (`doSample` off, or
 * beams) all that is left of the scores themselves. The draw's own sums are of integers: a probability here is off from its by
 * 1e-6 at most.
 */
export function candidates(
  scores: Float32Array,
  { doSample, temperature, topK, topP }: Pick<ResolvedOptions, 'doSample' | 'temperature' | 'topK' | 'topP'>,
): Candidate[] {
  const scale = Math.LOG2E / (doSample ? temperature : 1)
  let best = -Infinity
  for (const score of scores) if (score > best) best = score
  let left: { id: number; bits: number }[] = []
  for (const [id, score] of scores.entries()) {
    const bits = score === best ? 0 : (best - score) * scale
    if (bits < MOST_BITS) left.push({ id, bits })
  }
  left.sort((a, b) => a.bits - b.bits || a.id - b.id)
  if (doSample && topK > 0 && topK < left.length) {
    const last = left[topK - 1]!.bits
    left = left.filter(({ bits }) => bits <= last)
  }
  const weights = left.map(({ bits }) => 2 ** -bits)
  const total = weights.reduce((sum, it) => sum + it, 0)
  let mass = 0
  let kept = 0
  // The fewest that together are more probable than top-p.
  while (kept < weights.length && !(doSample && topP < 1 && mass > topP * total)) mass += weights[kept++]!
  return left.slice(0, kept).map(({ id }, i) => ({ id, probability: weights[i]! / mass }))
}
