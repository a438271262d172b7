import * as assert from 'uvu/assert'
import { resolveOptions } from '../../src/generation/options.js'
import { type ProcessorOptions, processScores } from '../../src/generation/processors.js'
import { randomWord } from '../../src/generation/random.js'
import { logitsProcessors } from '../../src/ops/logits-processors.js'
import { samplingRows, startRow, stopRow } from '../../src/ops/sampling-rows.js'
import { samplingCases } from '../generation/golden-sampling.js'
import { gpuSuite, randomValues, runOnce } from '../gpu.js'

const LOWEST = -3.4028234663852886e38
const CAPACITY = 2048

/** The GPU's scores against expected ones, bit for bit; the GPU writes the lowest f32 for −∞. */
function assertSame(actual: Float32Array, expected: Float32Array, what: string): void {
  const off = expected.findIndex((it, i) => actual[i] !== Math.max(it, LOWEST))
  assert.ok(off < 0, `${what}, id ${off}: ${actual[off]}, expected ${expected[off]}`)
}

for (const lanes of ['narrow', 'wide']) {
  gpuSuite(`logits-processors, ${lanes} workgroup`, (test) => {
    test('this workgroup is chosen', (gpu) => gpu.useVariant('logits-processors', lanes))
    test('agree with every golden case', async (gpu) => {
      for (const { name, logits, history, processed, options } of await samplingCases()) {
        const tensor = gpu.tensorFrom('logits', [1, logits.length], logits)
        const rows = samplingRows(gpu, 1, CAPACITY)
        startRow(gpu, rows, 0, resolveOptions(optionsOf(options)), history)
        await runOnce(gpu, (recorder) => logitsProcessors(recorder, tensor, rows, options, 1))
        const actual = await gpu.readF32(tensor)
        for (const [id, expected] of processed.entries()) {
          const close = Math.abs(Math.max(expected, LOWEST) - actual[id]!) <= 1e-5
          assert.ok(close, `case ${name}, id ${id}: ${actual[id]}, expected ${expected}`)
        }
      }
    })

    test('agree bit for bit with the twin, rows with histories and options of their own', async (gpu) => {
      const vocab = 67
      const vocabulary = { firstAddedId: 60, eosId: 2 }
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
        startRow(gpu, rows, row, resolveOptions(optionsOf({ ...vocabulary, ...given })), history)
        const scores = logits.slice(row * vocab, (row + 1) * vocab)
        processScores(scores, history, { ...vocabulary, ...given })
        return scores
      })
      await runOnce(gpu, (recorder) => logitsProcessors(recorder, tensor, rows, vocabulary, cases.length))
      const actual = await gpu.readF32(tensor)
      for (const [row, scores] of expected.entries()) {
        assertSame(actual.subarray(row * vocab, (row + 1) * vocab), scores, `row ${row}`)
      }
    })

    test('leave rows alone that have ended', async (gpu) => {
      const logits = randomValues(20)
      const tensor = gpu.tensorFrom('logits', [2, 10], logits)
      const rows = samplingRows(gpu, 2, CAPACITY)
      for (const row of [0, 1]) startRow(gpu, rows, row, resolveOptions({ repetitionPenalty: 2 }), [1, 4, 4])
      stopRow(gpu, rows, 0)
      await runOnce(gpu, (recorder) => logitsProcessors(recorder, tensor, rows, { firstAddedId: 9, eosId: 2 }, 2))
      const actual = await gpu.readF32(tensor)
      assert.equal([...actual.subarray(0, 10)], [...logits.subarray(0, 10)])
      assert.is(actual[19], LOWEST)
    })
  })
}

function optionsOf({ repetitionPenalty, noRepeatNgramSize, minLength }: ProcessorOptions) {
  return { repetitionPenalty, noRepeatNgramSize, minLength, maxLength: 500, seed: 0 }
}
