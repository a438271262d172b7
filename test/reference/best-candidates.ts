import type { Candidate } from '../../src/generation/beam-search.js'

const LOWEST = -3.4028234663852886e38

/**
 * The best ids of a row of scores that are numbers, by sorting all of them: the plain twin of shaders/best-candidates.wgsl. Ids
 * at −∞ or the lowest f32 are none.
 */
export function bestCandidates(scores: Float32Array, count: number): Candidate[] {
  const ids = Uint32Array.from(scores.keys()).filter((id) => scores[id]! > LOWEST)
  ids.sort((a, b) => scores[b]! - scores[a]! || a - b)
  return Array.from(ids.subarray(0, count), (id) => ({ id, score: scores[id]! }))
}
