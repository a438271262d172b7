import { randomWord } from '../../src/generation/random.js'
import { distances, fractionOf, keepTopK, keepTopP, weight } from './warpers.js'

/** The options of a draw; a subset of the generation options. */
export interface DrawOptions {
  readonly doSample: boolean
  readonly temperature: number
  readonly topK: number
  readonly topP: number
  readonly seed: number
}

/**
 * The next id, from processed scores: the best where `doSample` is off, else one at random after the warpers. The plain twin of
 * shaders/sample.wgsl, which draws the very same id on every adapter.
 *
 * @param step how many ids of the reply were drawn before
 * @returns the id, or undefined where a score is +∞ or NaN, or all are −∞
 */
export function nextId(scores: Float32Array, options: DrawOptions, step: number): number | undefined {
  const best = bestId(scores)
  if (best === undefined || !options.doSample) return best
  const distance = distances(scores, options.temperature)
  keepTopK(distance, options.topK)
  keepTopP(distance, options.topP)
  return drawId(distance, randomWord(options.seed, step))
}

/** The id with the highest score, the lowest of those that tie; undefined where {@link nextId} is. */
export function bestId(scores: Float32Array): number | undefined {
  let best: number | undefined
  for (const [id, score] of scores.entries()) {
    if (Number.isNaN(score) || score === Infinity) return undefined
    if (score > (best === undefined ? -Infinity : scores[best]!)) best = id
  }
  return best
}

/**
 * Draws in proportion to the weights: the first id at which their sum exceeds the part of the total that `random` (u32)
 * says. Undefined where all weights are 0.
 */
export function drawId(distance: Uint32Array, random: number): number | undefined {
  const weights = Array.from(distance, weight)
  const target = fractionOf(
    weights.reduce((sum, it) => sum + it, 0),
    random,
  )
  let sum = 0
  const id = weights.findIndex((it) => {
    sum += it
    return sum > target
  })
  return id < 0 ? undefined : id
}
