import { fractionOf } from './integers.js'
import { randomWord } from './random.js'
import { distances, keepTopK, keepTopP, weight } from './warpers.js'

/** The options of a draw; a subset of the generation options. */
export interface DrawOptions {
  readonly doSample: boolean
  readonly temperature: number
  readonly topK: number
  readonly topP: number
  readonly seed: number
}

/**
 * The next id, from processed scores: the best where `doSample` is off, else one at random after the warpers. The same
 * scores, options and step give the same id on every machine, and on the GPU.
 *
 * @param step how many ids of the reply were drawn before
 * @returns the id, or undefined where no score is finite
 */
export function nextId(scores: Float32Array, options: DrawOptions, step: number): number | undefined {
  if (!options.doSample) return bestId(scores)
  const distance = distances(scores, options.temperature)
  keepTopK(distance, options.topK)
  keepTopP(distance, options.topP)
  return drawId(distance, randomWord(options.seed, step))
}

/** The id with the highest score, the lowest of those that tie; undefined where no score is finite. */
export function bestId(scores: Float32Array): number | undefined {
  let best: number | undefined
  for (let id = 0; id < scores.length; id++) {
    if (scores[id]! > (best === undefined ? -Infinity : scores[best]!)) best = id
  }
  return best !== undefined && Number.isFinite(scores[best]) ? best : undefined
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
