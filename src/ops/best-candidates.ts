import type { Candidate } from '../generation/beam-search.js'
import type { Recorder } from '../gpu/recorder.js'
import { expectRows, type Tensor } from '../gpu/tensor.js'
import { rowLanes } from './row-lanes.js'

/** u32 words of a candidate: an id, and the bits of its score. */
const WORDS = 2
/** Stands for an id where a row has no more candidates. */
const NONE = 0xffffffff

/**
 * Finds the ids with the highest scores in each of the first `count` rows, best first and of equal ones the lower id first.
 * Ids at −∞ or the lowest f32 are none. Where a row holds +∞ or NaN, its first candidate does.
 *
 * @param scores f32 [rows, V]
 * @param candidates u32 [rows, K, 2], to be read by {@link readCandidates}
 * @throws ShapeError
 */
export function bestCandidates(recorder: Recorder, scores: Tensor, candidates: Tensor, count: number): void {
  expectRows('bestCandidates', scores, count, ['V'])
  expectRows('bestCandidates', candidates, count, ['K', WORDS], 'u32')
  const kernel = recorder.gpu.kernel('best-candidates', { LANES: rowLanes(recorder.gpu, 'best-candidates', 256) })
  recorder.dispatch(kernel, { scores, candidates }, { vocab: scores.shape[1]!, count: candidates.shape[1]! }, [count])
}

/** The candidates of the first `count` rows, from the words of {@link bestCandidates}. */
export function readCandidates(words: Uint32Array, perRow: number, count: number): Candidate[][] {
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length)
  return Array.from({ length: count }, (_, row) => {
    const found: Candidate[] = []
    const end = WORDS * perRow * (row + 1)
    for (let at = end - WORDS * perRow; at < end && words[at] !== NONE; at += WORDS) {
      found.push({ id: words[at]!, score: floats[at + 1]! })
    }
    return found
  })
}
