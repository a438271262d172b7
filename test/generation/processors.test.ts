import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ProcessorOptions, processScores } from '../../src/generation/processors.js'
import { type TokenRules, tokenRules } from '../../src/generation/token-rules.js'
import { samplingCases } from './golden-sampling.js'

const processors = suite('processors')

const off: ProcessorOptions = { repetitionPenalty: 1, noRepeatNgramSize: 0, minLength: 0, maxLength: 99 }

/** What is left of these scores after the history, whose first id is not of the reply. */
function processed(
  given: readonly number[],
  history: readonly number[],
  options: Partial<ProcessorOptions>,
  rules: Partial<TokenRules> = {},
): number[] {
  const scores = Float32Array.from(given)
  const before = { history, drawn: Math.max(0, history.length - 1) }
  processScores(scores, before, { ...off, ...options }, { ...plainRules(given.length), ...rules })
  return [...scores]
}

const plainRules = (vocabSize: number) => tokenRules({ vocabSize, eosIds: [2], padId: 0, decoderStartId: 1 })

/** The ids of ten that are forbidden. */
function forbidden(history: readonly number[], options: Partial<ProcessorOptions>, rules?: Partial<TokenRules>) {
  const scores = processed(new Array(10).fill(1), history, options, rules)
  return [...scores.keys()].filter((id) => scores[id] === -Infinity)
}

processors('agree with every golden case, forbidden ids exactly', async () => {
  for (const { name, logits, history, processed, options, rules } of await samplingCases()) {
    const scores = logits.slice()
    processScores(scores, { history, drawn: history.length }, options, rules)
    for (const [id, expected] of processed.entries()) {
      const close = expected === scores[id] || Math.abs(expected - scores[id]!) <= 1e-5
      assert.ok(close, `case ${name}, id ${id}: ${scores[id]}, expected ${expected}`)
    }
  }
})

processors('added ids are forbidden', () => {
  assert.equal(processed([1, 2, 3, 4], [1], {}, { firstAddedId: 2 }), [1, 2, -Infinity, -Infinity])
})

processors('the penalty counts an id once and lowers scores of either sign; what is not finite stays', () => {
  assert.equal(processed([3, -3, 0, 3], [0, 1, 0, 2, 1], { repetitionPenalty: 2 }), [1.5, -6, 0, 3])
  const [a, b, c, d] = processed([Number.NaN, Infinity, -Infinity, 1], [0, 1, 2, 3], { repetitionPenalty: 2 })
  assert.equal([a, b, c, d], [Number.NaN, Infinity, -Infinity, 0.5])
})

processors('no run of ids stands twice', () => {
  const size = (noRepeatNgramSize: number) => ({ noRepeatNgramSize })
  assert.equal(forbidden([1, 2, 3, 1, 2, 4, 1, 2], size(3)), [3, 4])
  assert.equal(forbidden([1, 2, 3, 1, 2, 4, 1, 2], size(2)), [3, 4])
  assert.equal(forbidden([5, 6, 5], size(1)), [5, 6])
  assert.equal(forbidden([5, 5, 5], size(3)), [5])
  assert.equal(forbidden([5, 5], size(3)), [], 'too short to hold a run of three')
  assert.equal(forbidden([5, 6, 5], size(0)), [])
  assert.equal(forbidden([], size(2)), [])
})

processors('every end is forbidden before the least length', () => {
  assert.equal(forbidden([1, 4], { minLength: 3 }), [2])
  assert.equal(forbidden([1, 4], { minLength: 3 }, { eosIds: [2, 7, 9] }), [2, 7, 9])
  assert.equal(forbidden([1, 4, 4], { minLength: 3 }, { eosIds: [2, 7, 9] }), [])
})

processors('runs that no reply holds; ids that none begins with', () => {
  const forbiddenRuns = [[8], [4, 5, 6], [4, 7], [3, 4, 4, 4, 4, 0]]
  assert.equal(forbidden([1, 4], {}, { forbiddenRuns }), [7, 8])
  assert.equal(forbidden([1, 4, 5], {}, { forbiddenRuns }), [6, 8])
  assert.equal(forbidden([1, 5], {}, { forbiddenRuns }), [8])
  const forbiddenFirst = [3, 9]
  assert.equal(forbidden([1], {}, { forbiddenRuns, forbiddenFirst }), [3, 8, 9])
  assert.equal(forbidden([1, 5], {}, { forbiddenFirst }), [])
})

processors('an opening is one of its ids, whatever is added or forced; words are none of these', () => {
  const rules = { ...plainRules(10), openings: [8, 6], firstAddedId: 6, forcedLast: [2] }
  const left = (opening: boolean, maxLength = 99) => {
    const scores = new Float32Array(10).fill(1)
    const options = { ...off, repetitionPenalty: 2, maxLength }
    processScores(scores, { history: [1, 8], drawn: 0, opening }, options, rules)
    return [...scores].flatMap((score, id) => (score === -Infinity ? [] : [[id, score]]))
  }
  assert.equal(left(true), [
    [6, 1],
    [8, 0.5],
  ])
  assert.equal(left(true, 2), left(true))
  assert.equal(
    left(false).map(([id]) => id),
    [0, 1, 2, 3, 4, 5],
  )
  assert.equal(left(false, 2), [[2, 0]])
})

processors('forced ids are all there is, first and last', () => {
  const rules = { forcedFirst: [6], forcedLast: [2, 7], firstAddedId: 5 }
  const only = (...ids: number[]) => Array.from({ length: 10 }, (_, id) => (ids.includes(id) ? 0 : -Infinity))
  const scores = new Array(10).fill(Number.NaN)
  const options = { maxLength: 4, minLength: 9, repetitionPenalty: 2 }
  assert.equal(processed(scores, [1], options, rules), only(6))
  assert.equal(forbidden([1, 6], options, rules), [2, 5, 6, 7, 8, 9], 'in between it is free')
  assert.equal(processed(scores, [1, 6, 3], options, rules), only(2, 7))
  assert.equal(processed(scores, [1], { ...options, maxLength: 2 }, rules), only(2, 7))
})

processors.run()
