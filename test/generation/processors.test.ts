import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  forbidAddedIds,
  forbidEarlyEnd,
  forbidRepeatedNgrams,
  penalizeRepetition,
  processScores,
} from '../../src/generation/processors.js'
import { samplingCases } from './golden-sampling.js'

const processors = suite('processors')

processors('agree with every golden case, forbidden ids exactly', async () => {
  for (const { name, logits, history, processed, options } of await samplingCases()) {
    const scores = logits.slice()
    processScores(scores, history, options)
    for (const [id, expected] of processed.entries()) {
      const close = expected === scores[id] || Math.abs(expected - scores[id]!) <= 1e-5
      assert.ok(close, `case ${name}, id ${id}: ${scores[id]}, expected ${expected}`)
    }
  }
})

processors('added ids are forbidden', () => {
  const scores = Float32Array.of(1, 2, 3, 4)
  forbidAddedIds(scores, 2)
  assert.equal([...scores], [1, 2, -Infinity, -Infinity])
})

processors('the penalty counts an id once and lowers scores of either sign', () => {
  const scores = Float32Array.of(3, -3, 0, 3)
  penalizeRepetition(scores, [0, 1, 0, 2, 1], 2)
  assert.equal([...scores], [1.5, -6, 0, 3])
})

const forbidden = (history: number[], size: number) => {
  const scores = new Float32Array(10)
  forbidRepeatedNgrams(scores, history, size)
  return Array.from(scores.keys()).filter((id) => scores[id] === -Infinity)
}

processors('no run of ids stands twice', () => {
  assert.equal(forbidden([1, 2, 3, 1, 2, 4, 1, 2], 3), [3, 4])
  assert.equal(forbidden([1, 2, 3, 1, 2, 4, 1, 2], 2), [3, 4])
  assert.equal(forbidden([5, 6, 5], 1), [5, 6])
  assert.equal(forbidden([5, 5, 5], 3), [5])
  assert.equal(forbidden([5, 5], 3), [], 'too short to hold a run of three')
  assert.equal(forbidden([5, 6, 5], 0), [])
  assert.equal(forbidden([], 2), [])
})

processors('the end is forbidden before the least length', () => {
  const early = Float32Array.of(0, 0, 7)
  forbidEarlyEnd(early, [1, 4], 3, 2)
  assert.is(early[2], -Infinity)
  const late = Float32Array.of(0, 0, 7)
  forbidEarlyEnd(late, [1, 4, 4], 3, 2)
  assert.is(late[2], 7)
})

processors.run()
