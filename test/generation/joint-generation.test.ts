import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openModel } from '../../src/engine/load-model.js'
import { JOINT_DEFAULTS, jointRules, strategyOptions } from '../../src/generation/joint-generation.js'
import { type ResolvedOptions, resolveOptions } from '../../src/generation/options.js'
import { type Before, processScores } from '../../src/generation/processors.js'
import { openSafetensors, type SafetensorsFile } from '../../src/io/safetensors.js'
import { rowsOf } from '../../src/models/reference.js'
import { logitsProcessors } from '../../src/ops/logits-processors.js'
import { ruleWords } from '../../src/ops/rule-words.js'
import { sample } from '../../src/ops/sample.js'
import { readDraws, samplingRows, setRows } from '../../src/ops/sampling-rows.js'
import { firstGpuSuite, runOnce } from '../gpu.js'
import { jointCases, jointModel } from '../joint.js'
import { atOnce } from '../model-runs.js'
import { nextId } from '../reference/sample.js'
import { distances, keepTopK, keepTopP, probabilities } from '../reference/warpers.js'

const [N, V] = [300, 308]
const config = { vocabSize: V, eosIds: [2], padId: 0, decoderStartId: 1 }
const zcj = jointRules({ ...config, program: 'codes_zcj', firstStrategyId: N })
const codes = jointRules({ ...config, program: 'codes', firstStrategyId: N })

const generation = suite('generation/joint-generation')

async function each(work: (file: SafetensorsFile) => Promise<void>): Promise<void> {
  for (const path of jointCases()) {
    await using file = await openSafetensors(path)
    await work(file)
  }
}

const floats = async (file: SafetensorsFile, name: string): Promise<Float32Array[]> => {
  const values = await file.readF32(name)
  const [rows = 0, width = 0] = [
    values.length / file.tensors.get(name)!.shape.at(-1)!,
    file.tensors.get(name)!.shape.at(-1)!,
  ]
  return Array.from({ length: rows }, (_, row) => values.slice(row * width, (row + 1) * width))
}

const ids = async (file: SafetensorsFile, name: string): Promise<number[][]> =>
  rowsOf({ values: await file.readI64(name), shape: file.tensors.get(name)!.shape })

/** The scores of a word after the start id, the strategy and words, by the twin. */
function processedBy(logits: Float32Array, history: readonly number[], options: ResolvedOptions): Float32Array {
  const scores = logits.slice()
  processScores(scores, { history, drawn: history.length - 2 }, options, zcj)
  return scores
}

/** What the next id is drawn from, by the twin. */
function drawnFrom(logits: Float32Array, before: Before, options: ResolvedOptions, rules = zcj): Float32Array {
  const scores = logits.slice()
  processScores(scores, before, options, rules)
  const distance = distances(scores, options.temperature)
  keepTopK(distance, options.topK)
  keepTopP(distance, options.topP)
  return probabilities(distance)
}

function assertProbs(actual: Float32Array, expected: Float32Array, what: string, tolerance = 2e-6): void {
  for (const [id, p] of expected.entries()) {
    assert.ok(Math.abs(actual[id]! - p) <= tolerance, `${what}, id ${id}: ${actual[id]}, expected ${p}`)
    assert.ok(p > 0 || actual[id] === 0, `${what}, id ${id} should be out`)
  }
}

/** The options of sample.{k}. */
const sampleOptions = (file: SafetensorsFile, k: number): ResolvedOptions => {
  const asked = JSON.parse(file.metadata.get(`sample.${k}`)!)
  return resolveOptions({
    ...{ temperature: asked.temperature, topK: asked.top_k, topP: asked.top_p, minLength: asked.min_length },
    ...{ repetitionPenalty: asked.repetition_penalty ?? 1, noRepeatNgramSize: asked.no_repeat_ngram_size ?? 0 },
    ...{ doSample: asked.do_sample, seed: 1 },
  })
}

generation('every sampling step: scores and probabilities', () =>
  each(async (file) => {
    for (let k = 0; k < 4; k++) {
      const options = sampleOptions(file, k)
      const [history, logits] = [await ids(file, `sample.${k}.history`), await floats(file, `sample.${k}.logits`)]
      const [processed, probs] = [await floats(file, `sample.${k}.processed`), await floats(file, `sample.${k}.probs`)]
      for (const [row, before] of history.entries()) {
        const what = `${file.path} sample.${k} row ${row}`
        const scores = processedBy(logits[row]!, before, options)
        // Those that are left, over the temperature.
        for (const [id, expected] of processed[row]!.entries()) {
          const close = expected === -Infinity || Math.abs(expected - scores[id]! / options.temperature) <= 1e-5
          assert.ok(close, `${what}, id ${id}: ${scores[id]} / ${options.temperature}, expected ${expected}`)
        }
        assertProbs(drawnFrom(logits[row]!, { history: before, drawn: before.length - 2 }, options), probs[row]!, what)
      }
    }
  }),
)

generation(
  'codes_zcj draws the strategy from the nucleus of the eight, whatever the words’ options and what stood before',
  () =>
    each(async (file) => {
      const words = resolveOptions({ temperature: 0.3, topK: 2, repetitionPenalty: 9, minLength: 20, seed: 1 })
      const options = strategyOptions('codes_zcj', words, true)
      const [logits, nucleus] = [await floats(file, 'strategy.logits'), await floats(file, 'strategy.nucleus')]
      for (const [row, of8] of logits.entries()) {
        const all = new Float32Array(V).fill(99)
        all.set(of8, N)
        const probs = drawnFrom(all, { history: [300, 303, 1], drawn: 0, opening: true }, options)
        assertProbs(probs.subarray(N), nucleus[row]!, `${file.path} row ${row}`)
        assert.is(Math.max(...probs.subarray(0, N)), 0)
      }
    }),
)

generation('codes draws the strategy, and words later, by processors that see the context', () =>
  each(async (file) => {
    const width = V
    const all = await floats(file, 'logits')
    const perRow = file.tensors.get('logits')!.shape[1]!
    const masks = await ids(file, 'attention_mask')
    const contexts = (await ids(file, 'input_ids')).map((row, b) => row.filter((_, i) => masks[b]![i] !== 0))
    const expected = await floats(file, 'original.probs.0')
    const words = resolveOptions(JOINT_DEFAULTS.codes, { seed: 1 })
    for (const [b, context] of contexts.entries()) {
      const first = all[b * perRow]!
      assert.is(first.length, width)
      const before = { history: [...context, 1], drawn: 0, opening: true }
      assertProbs(
        drawnFrom(first, before, strategyOptions('codes', words, true), codes),
        expected[b]!,
        `${file.path} row ${b}`,
      )
      // Words that are not drawn at random leave the strategy's draw as it is.
      const beams = resolveOptions(JOINT_DEFAULTS.codes, { numBeams: 4, seed: 1 })
      assertProbs(drawnFrom(first, before, strategyOptions('codes', beams, true), codes), expected[b]!, 'beams')
    }
  }),
)

generation('the last id is the end in codes_zcj alone', () => {
  assert.equal([zcj.forcedLast, codes.forcedLast], [[2], []])
  assert.equal(zcj.openings, [300, 301, 302, 303, 304, 305, 306, 307])
  assert.is(zcj.firstAddedId, N)
})

generation.run()

firstGpuSuite('generation/joint-generation', (test) => {
  test('codes draws the third word from what the model says after two, by processors that see the context', async (gpu) => {
    const model = await openModel(gpu, await jointModel(), { family: 'joint' })
    const options = resolveOptions(JOINT_DEFAULTS.codes, { seed: 1 })
    let compared = 0
    await each(async (file) => {
      const masks = await ids(file, 'attention_mask')
      const contexts = (await ids(file, 'input_ids')).map((row, b) => row.filter((_, i) => masks[b]![i] !== 0))
      const begun = (await ids(file, 'original.greedy')).map((row) => row.slice(0, 4))
      const inputs = contexts.map((context, b) => ({ input: { ids: context }, ids: begun[b]! }))
      const logits = await atOnce(gpu, model, inputs)
      const expected = await floats(file, 'original.probs.3')
      for (const [b, context] of contexts.entries()) {
        // Of a reply that has ended by then it means nothing.
        if (begun[b]!.includes(2)) continue
        const before = { history: [...context, ...begun[b]!], drawn: 3 }
        const probs = drawnFrom(logits[b]!.subarray(3 * V), before, options, codes)
        assertProbs(probs, expected[b]!, `${file.path} row ${b}`, 1e-5)
        compared++
      }
    })
    assert.ok(compared > 0)
    model.dispose()
  })

  test('every sampling step on the GPU: scores, and the very ids that the twin draws', (gpu) =>
    each(async (file) => {
      for (let k = 0; k < 4; k++) {
        const options = sampleOptions(file, k)
        const [history, processed] = [
          await ids(file, `sample.${k}.history`),
          await floats(file, `sample.${k}.processed`),
        ]
        const values = await floats(file, `sample.${k}.logits`)
        const draws = history.flatMap((before, row) =>
          [1, 2, 3, 4].map((seed) => ({
            before,
            values: values[row]!,
            processed: processed[row]!,
            options: { ...options, seed },
          })),
        )
        const all = Float32Array.from(draws.flatMap((it) => [...it.values]))
        const logits = gpu.tensorFrom('logits', [draws.length, V], all)
        const rows = samplingRows(gpu, draws.length, 600)
        const states = draws.map((it) => ({
          ...{ options: it.options, history: it.before, drawn: it.before.length - 2, length: 1, position: 1 },
        }))
        setRows(gpu, rows, 0, states)
        const words = ruleWords(gpu, zcj)
        await runOnce(gpu, (recorder) => {
          logitsProcessors(recorder, logits, rows, words, draws.length)
          sample(recorder, logits, rows, words, draws.length)
        })
        const scores = await gpu.readF32(logits)
        const drawn = readDraws((await gpu.read(rows.state)) as Uint32Array, draws.length)
        for (const [i, { before, values, processed, options }] of draws.entries()) {
          const what = `${file.path} sample.${k} draw ${i}`
          for (const [id, expected] of processed.entries()) {
            const close =
              expected === -Infinity || Math.abs(expected - scores[i * V + id]! / options.temperature) <= 1e-5
            assert.ok(close, `${what}, id ${id}: ${scores[i * V + id]}, expected ${expected}`)
          }
          const { id } = drawn[i]!
          assert.ok(processed[id]! > -Infinity, `${what}: ${id} is removed`)
          assert.is(id, nextId(processedBy(values, before, options), options, before.length - 2), what)
        }
      }
    }))
})
