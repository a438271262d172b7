import * as assert from 'uvu/assert'
import { resolveOptions } from '../../src/generation/options.js'
import { type ProcessorOptions, processScores } from '../../src/generation/processors.js'
import { randomWord } from '../../src/generation/random.js'
import { type TokenRules, tokenRules } from '../../src/generation/token-rules.js'
import { logitsProcessors } from '../../src/ops/logits-processors.js'
import { ruleWords } from '../../src/ops/rule-words.js'
import { samplingRows, setRows, startRow, stopRow } from '../../src/ops/sampling-rows.js'
import { samplingCases } from '../generation/golden-sampling.js'
import { gpuSuite, randomValues, runOnce } from '../gpu.js'

const LOWEST = -3.4028234663852886e38
const CAPACITY = 2048
const plain = tokenRules({ vocabSize: 300, eosIds: [2], padId: 0, decoderStartId: 1 })

/** The GPU's scores against expected ones, bit for bit; the GPU writes the lowest f32 for −∞. */
function assertSame(actual: Float32Array, expected: Float32Array, what: string): void {
  const off = expected.findIndex((it, i) => actual[i] !== Math.max(it, LOWEST))
  assert.ok(off < 0, `${what}, id ${off}: ${actual[off]}, expected ${expected[off]}`)
}

for (const lanes of ['narrow', 'wide']) {
  gpuSuite(`logits-processors, ${lanes} workgroup`, (test) => {
    test('this workgroup is chosen', (gpu) => gpu.useVariant('logits-processors', lanes))
    test('agree with every golden case', async (gpu) => {
      for (const { name, logits, history, processed, options, rules } of await samplingCases()) {
        const tensor = gpu.tensorFrom('logits', [1, logits.length], logits)
        const rows = samplingRows(gpu, 1, CAPACITY)
        startRow(gpu, rows, 0, resolveOptions(optionsOf(options)), history)
        const words = ruleWords(gpu, rules)
        await runOnce(gpu, (recorder) => logitsProcessors(recorder, tensor, rows, words, 1))
        const actual = await gpu.readF32(tensor)
        for (const [id, expected] of processed.entries()) {
          const close = Math.abs(Math.max(expected, LOWEST) - actual[id]!) <= 1e-5
          assert.ok(close, `case ${name}, id ${id}: ${actual[id]}, expected ${expected}`)
        }
      }
    })

    test('agree bit for bit with the twin, rows with histories and options of their own', async (gpu) => {
      const vocab = 67
      const rules = { ...plain, firstAddedId: 60 }
      const cases = [
        { history: 1, repetitionPenalty: 1.03, noRepeatNgramSize: 3, minLength: 5 },
        { history: 0, repetitionPenalty: 1.5, noRepeatNgramSize: 1, minLength: 0 },
        { history: 40, repetitionPenalty: 0.8, noRepeatNgramSize: 2, minLength: 41 },
        { history: 900, repetitionPenalty: 1.2, noRepeatNgramSize: 3, minLength: 900 },
        { history: 900, repetitionPenalty: 1, noRepeatNgramSize: 0, minLength: 901 },
        { history: 30, repetitionPenalty: 2, noRepeatNgramSize: 30, minLength: 0 },
        { history: 30, repetitionPenalty: 2, noRepeatNgramSize: 2 ** 32 - 1, minLength: 2 ** 32 - 1 },
      ]
      const logits = randomValues(cases.length * vocab, 3).map((it) => it * 8)
      const tensor = gpu.tensorFrom('logits', [cases.length, vocab], logits)
      const rows = samplingRows(gpu, cases.length, CAPACITY)
      const expected = cases.map(({ history: length, ...given }, row) => {
        const history = Array.from({ length: length + 1 }, (_, i) => randomWord(row, i) % vocab)
        startRow(gpu, rows, row, resolveOptions(optionsOf(given)), history)
        const scores = logits.slice(row * vocab, (row + 1) * vocab)
        processScores(scores, { history, drawn: 0 }, optionsOf(given), rules)
        return scores
      })
      await runOnce(gpu, (recorder) => logitsProcessors(recorder, tensor, rows, ruleWords(gpu, rules), cases.length))
      const actual = await gpu.readF32(tensor)
      for (const [row, scores] of expected.entries()) {
        assertSame(actual.subarray(row * vocab, (row + 1) * vocab), scores, `row ${row}`)
      }
    })

    test('agree with the twin on what a model’s files say of single ids', async (gpu) => {
      const vocab = 300
      const many = Array.from({ length: 150 }, (_, i) => [randomWord(1, i) % vocab, randomWord(2, i) % vocab])
      const cases: [history: number[], rules: Partial<TokenRules>][] = [
        [[1], { eosIds: Array.from({ length: 64 }, (_, i) => 3 * i) }],
        [[1], { forbiddenFirst: [0, 299, 17] }],
        [[1, 5], { forbiddenFirst: [0, 299, 17] }],
        [[1], { forcedFirst: [299] }],
        [[1, 5], { forcedFirst: [299] }],
        [new Array(39).fill(4), { forcedLast: [2, 0, 298], forcedFirst: [7] }],
        [[1], { forbiddenRuns: many.map(([id]) => [id!]) }],
        [[1, many[0]![0]!], { forbiddenRuns: many, forbiddenFirst: [3] }],
        [
          [1, 5, 6, 7],
          { forbiddenRuns: [[9], [5, 6, 7, 8], [6, 7, 3], [1, 5, 6, 7, 4], [2, 1, 5, 6, 7, 10], [7, 6, 11]] },
        ],
      ]
      const options = { ...optionsOf({ repetitionPenalty: 1.2, noRepeatNgramSize: 3, minLength: 5 }), maxLength: 40 }
      for (const [history, given] of cases) {
        const rules = { ...plain, firstAddedId: vocab, ...given }
        const scores = randomValues(vocab, 3).map((it) => it * 8)
        const tensor = gpu.tensorFrom('logits', [1, vocab], scores)
        const rows = samplingRows(gpu, 1, CAPACITY)
        startRow(gpu, rows, 0, resolveOptions(options), history)
        // As if all ids but the first had been drawn.
        const drawn = history.length - 1
        gpu.write(rows.state, Uint32Array.of(history.length, drawn))
        processScores(scores, { history, drawn }, options, rules)
        await runOnce(gpu, (recorder) => logitsProcessors(recorder, tensor, rows, ruleWords(gpu, rules), 1))
        assertSame(await gpu.readF32(tensor), scores, JSON.stringify(given).slice(0, 60))
      }
    })

    test('a row’s opening is drawn by options of its own, from the openings; its words by others', async (gpu) => {
      const vocab = 70
      const rules = { ...plain, firstAddedId: 60, openings: [61, 69, 60], forcedLast: [2] }
      const words = { ...optionsOf({ repetitionPenalty: 1.2, noRepeatNgramSize: 1, minLength: 9 }), maxLength: 40 }
      const opening = { ...optionsOf({ repetitionPenalty: 2, noRepeatNgramSize: 0, minLength: 0 }), maxLength: 2 }
      const history = [61, 5, 1]
      // A row that opens, the same when its opening is drawn, and one that does not open.
      const cases = [
        { history, drawn: 0, opening: true },
        { history: [...history, 69], drawn: 1, opening: false },
        { history, drawn: 0, opening: false },
      ]
      const logits = randomValues(cases.length * vocab, 3).map((it) => it * 8)
      const tensor = gpu.tensorFrom('logits', [cases.length, vocab], logits)
      const rows = samplingRows(gpu, cases.length, CAPACITY)
      const states = cases.map((it, row) => ({
        ...{ options: resolveOptions(words), history: it.history, drawn: it.drawn, length: 0, position: 0 },
        ...(row < 2 && { opening: resolveOptions(opening) }),
      }))
      setRows(gpu, rows, 0, states)
      await runOnce(gpu, (recorder) => logitsProcessors(recorder, tensor, rows, ruleWords(gpu, rules), cases.length))
      const actual = await gpu.readF32(tensor)
      for (const [row, before] of cases.entries()) {
        const scores = logits.slice(row * vocab, (row + 1) * vocab)
        processScores(scores, before, before.opening ? opening : words, rules)
        assertSame(actual.subarray(row * vocab, (row + 1) * vocab), scores, `row ${row}`)
      }
      assert.is(actual[62], LOWEST)
      assert.ok(actual[69]! > LOWEST && actual[vocab + 59]! > LOWEST)
    })

    test('an id beyond the scores changes no other row', async (gpu) => {
      const logits = randomValues(30)
      const tensor = gpu.tensorFrom('logits', [3, 10], logits)
      const rows = samplingRows(gpu, 3, CAPACITY)
      // Where they would land, were they not held against the width of a row.
      const beyond = [1, 13, 13, 65_535, 13]
      startRow(gpu, rows, 0, resolveOptions({ repetitionPenalty: 2, noRepeatNgramSize: 1 }), beyond)
      const words = ruleWords(gpu, { ...plain, firstAddedId: 10 })
      await runOnce(gpu, (recorder) => logitsProcessors(recorder, tensor, rows, words, 3))
      assert.equal([...(await gpu.readF32(tensor)).subarray(10)], [...logits.subarray(10)])
    })

    test('leave rows alone that have ended', async (gpu) => {
      const logits = randomValues(20)
      const tensor = gpu.tensorFrom('logits', [2, 10], logits)
      const rows = samplingRows(gpu, 2, CAPACITY)
      for (const row of [0, 1]) startRow(gpu, rows, row, resolveOptions({ repetitionPenalty: 2 }), [1, 4, 4])
      stopRow(gpu, rows, 0)
      await runOnce(gpu, (recorder) =>
        logitsProcessors(recorder, tensor, rows, ruleWords(gpu, { ...plain, firstAddedId: 9 }), 2),
      )
      const actual = await gpu.readF32(tensor)
      assert.equal([...actual.subarray(0, 10)], [...logits.subarray(0, 10)])
      assert.is(actual[19], LOWEST)
    })
  })
}

function optionsOf({ repetitionPenalty, noRepeatNgramSize, minLength }: Omit<ProcessorOptions, 'maxLength'>) {
  return { repetitionPenalty, noRepeatNgramSize, minLength, maxLength: 500, seed: 0 }
}
