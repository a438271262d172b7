import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { synthesize } from '../../../src/cli/synth.js'
import { BeamDecoder } from '../../../src/engine/beam-decoder.js'
import { InputReader } from '../../../src/engine/input-reader.js'
import { openModel } from '../../../src/engine/load-model.js'
import { ReplyDecoder } from '../../../src/engine/reply-decoder.js'
import { ReplyScheduler } from '../../../src/engine/scheduler.js'
import { resolveOptions } from '../../../src/generation/options.js'
import { tokenRules } from '../../../src/generation/token-rules.js'
import type { Gpu } from '../../../src/gpu/gpu.js'
import { openSafetensors } from '../../../src/io/safetensors.js'
import { type ContextIds, ListenersModel } from '../../../src/models/listeners/model.js'
import type { Noise } from '../../../src/models/listeners/noise.js'
import { Run } from '../../../src/nn/run.js'
import { goldenCases, goldenFolder, LISTENERS_GOLDENS } from '../../golden.js'
import { assertClose, firstGpuSuite, randomValues, seededRandom } from '../../gpu.js'
import { atOnce, greedy, oneByOne } from '../../model-runs.js'
import { beamSearch } from '../../reference/beam-search.js'
import { listeners } from '../../reference/listeners.js'
import { logSoftmax } from '../../reference/log-softmax.js'
import { teacherForced } from '../../reference/teacher-forced.js'
import { tempFolder } from '../../temp.js'
import { refused } from '../../throws.js'
import { validated } from '../../validate/validated.js'
import { tensorsOf } from '../gpt/raw-names.js'

const STAGES = {
  'transformer-tiny': ['encoder.last_hidden_state', 'emotion.logits', 'log_probs'],
  'moel-tiny': ['encoder.last_hidden_state', 'listeners.weights', 'log_probs'],
  'mime-tiny': ['encoder.last_hidden_state', 'emotion.logits', 'log_probs'],
}

/** What a search or a draw asks for, beside what each test does. */
const off = { repetitionPenalty: 1, noRepeatNgramSize: 0, minLength: 0 }

async function open(gpu: Gpu, folder: string): Promise<ListenersModel> {
  const model = await openModel(gpu, folder)
  assert.instance(model, ListenersModel)
  return model as ListenersModel
}

/** Contexts of these lengths, and so many ids for the decoder. */
function contexts(lengths: readonly (readonly [context: number, ids: number])[], vocabulary = 203) {
  const random = seededRandom(5)
  const ids = (length: number) => Array.from({ length }, () => 7 + Math.floor(random() * (vocabulary - 7)))
  return lengths.map(([length, count], i) => {
    const speakers = Array.from({ length: length - 1 }, (_, at) => 4 + ((at >> 3) % 2))
    const input: ContextIds = { ids: [6, ...ids(length - 1)], roles: [6, ...speakers], noise: { seed: i } }
    return { input, ids: [3, ...ids(count - 1)] }
  })
}

/** What a model tells of contexts that are read together. */
async function told(gpu: Gpu, model: ListenersModel, inputs: readonly ContextIds[]) {
  const reader = new InputReader(gpu, model)
  const cache = model.createCache({ slots: inputs.length })
  const { told } = await reader.encode(inputs, cache, [...inputs.keys()])
  const scores = await told
  cache.dispose()
  reader.run.dispose()
  return scores
}

firstGpuSuite('models/listeners/model', (test) => {
  for (const name of LISTENERS_GOLDENS) {
    test(`${name}: every stage and the greedy ids, full and cached, in each dtype`, async (gpu) => {
      for (const dtype of ['f32', 'f16', 'int8'] as const) {
        // Rounded weights are other weights: one case shows that their kernels read them.
        const files = dtype === 'f32' ? goldenCases(name) : goldenCases(name).slice(1)
        const reports = await validated(gpu, goldenFolder(name), files, dtype)
        assert.equal(
          reports.map(({ mode }) => mode),
          files.flatMap(() => ['full', 'cached']),
        )
        for (const { mode, stages, argmax_agreement, greedy_agreement } of reports) {
          assert.equal(
            stages.map((stage) => stage.name),
            STAGES[name],
          )
          assert.ok(
            stages.every((stage) => stage.ok),
            `${dtype} ${mode}: ${JSON.stringify(stages)}`,
          )
          if (dtype === 'f32') assert.equal([argmax_agreement, greedy_agreement], [1, 1])
        }
      }
    })

    test(`${name}: id by id is as all at once, and a row of a ragged batch as it is alone`, async (gpu) => {
      const model = await open(gpu, goldenFolder(name))
      const inputs = contexts([
        [1, 7],
        [64, 1],
        [11, 40],
        [2, 12],
        [33, 5],
      ])
      const together = await atOnce(gpu, model, inputs)
      const stepped = await oneByOne(gpu, model, inputs)
      for (const [i, input] of inputs.entries()) {
        assertClose(stepped[i]!, together[i]!, 2e-5)
        assertClose((await atOnce(gpu, model, [input]))[0]!, together[i]!, 2e-5)
        assertClose((await oneByOne(gpu, model, [input]))[0]!, together[i]!, 2e-5)
      }
      const scores = await told(
        gpu,
        model,
        inputs.map((it) => it.input),
      )
      for (const [i, { input }] of inputs.entries()) {
        const [alone] = await told(gpu, model, [input])
        assertClose(scores[i]!.logits, alone!.logits, 2e-5)
        assert.is(scores[i]!.listeners === undefined, name !== 'moel-tiny')
        if (alone!.listeners) assertClose(scores[i]!.listeners!, alone!.listeners, 1e-5)
      }
      model.dispose()
    })

    test(`${name}: replies drawn together, that end one after the other, are what each is alone`, async (gpu) => {
      const model = await open(gpu, goldenFolder(name))
      const inputs = contexts([
        [9, 1],
        [40, 1],
        [1, 1],
        [22, 1],
        [5, 1],
      ]).map(({ input }) => ({ input, history: [3] }))
      const alone: number[][] = []
      for (const input of inputs) alone.push((await greedy(gpu, model, [input], 20))[0]!)
      assert.equal(await greedy(gpu, model, inputs, 20), alone)
    })

    test(`${name}: beams fork, and find what a search without a cache finds`, async (gpu) => {
      const model = await open(gpu, goldenFolder(name))
      const rules = tokenRules(model.config)
      const replies = new ReplyScheduler(new ReplyDecoder(gpu, model, rules), { stepsInFlight: 1, maxQueue: 9 })
      const beams = new BeamDecoder(replies)
      const options = resolveOptions({ ...off, noRepeatNgramSize: 2, numBeams: 4, numReturnSequences: 4, maxLength: 9 })
      const starts = contexts([
        [12, 1],
        [3, 1],
      ]).map(({ input }) => ({ input, options, history: [3] }))
      const found = await beams.search(starts)
      for (const [i, { input }] of starts.entries()) {
        const scoresOf = teacherForced(gpu, model, input, options, { ...rules, forcedLast: rules.eosIds })
        const expected = await beamSearch(scoresOf, [3], 2, options)
        assert.equal(
          found[i]!.map(({ ids }) => [3, ...ids]),
          expected.map(({ ids }) => ids),
        )
      }
      beams.dispose()
      replies.decoder.dispose()
    })
  }

  test('widths that no tile divides, and other numbers of layers and listeners, agree with the twin', async (gpu) => {
    for (const parts of [
      { model_type: 'transformer', hidden_dim: 37, depth: 22, heads: 3, filter: 19, hop: 3, num_emotions: 1 },
      { model_type: 'transformer', hidden_dim: 300, depth: 40, heads: 2, filter: 50, hop: 1, weight_sharing: true },
      { model_type: 'moel', hidden_dim: 26, depth: 15, heads: 1, filter: 33, hop: 2, num_emotions: 4, topk: 0 },
      { model_type: 'moel', hidden_dim: 60, depth: 24, heads: 4, filter: 20, hop: 1, num_emotions: 9, topk: 20 },
      { model_type: 'moel', hidden_dim: 45, depth: 8, heads: 2, filter: 7, hop: 1, num_emotions: 32, topk: 1 },
      { model_type: 'mime', hidden_dim: 35, depth: 27, heads: 3, filter: 10, hop: 1 },
      { model_type: 'mime', hidden_dim: 48, depth: 16, heads: 2, filter: 52, hop: 1 },
    ] as const) {
      const config = { ...parts, emb_dim: parts.hidden_dim, vocab_size: 61, synthetic_seed: parts.hidden_dim }
      const [from, folder] = [join(tempFolder(), 'config.json'), tempFolder()]
      writeFileSync(from, JSON.stringify(config))
      await synthesize(from, folder)
      const tensors = await tensorsOf(folder)
      const model = await open(gpu, folder)
      const shape = {
        modelType: parts.model_type,
        hop: parts.hop,
        heads: parts.heads,
        topk: ('topk' in parts && parts.topk) || 0,
        numEmotions: model.config.numEmotions,
      }
      const inputs = contexts(
        [
          [23, 4],
          [1, 9],
          [2, 1],
        ],
        61,
      )
      const noises = inputs.map((_, i) => {
        const [positive, negative] = [randomValues(parts.hidden_dim, i + 1), randomValues(parts.hidden_dim, i + 9)]
        return { positive, negative }
      })
      const noisy = inputs.map(({ input, ids }, i) => ({ input: { ...input, noise: noises[i]! }, ids }))
      const scores = await told(
        gpu,
        model,
        noisy.map((it) => it.input),
      )
      const logits = [await atOnce(gpu, model, noisy), await oneByOne(gpu, model, noisy)]
      for (const [i, { input, ids }] of noisy.entries()) {
        const expected = listeners(tensors, shape, input, ids, noises[i])
        assertClose(scores[i]!.listeners ?? scores[i]!.logits, expected.emotions, 5e-5)
        for (const found of logits) assertClose(found[i]!, expected.logits, 1e-4)
      }
      model.dispose()
    }
  })

  test("MIME's noise: given, of a seed, or none", async (gpu) => {
    const model = await open(gpu, goldenFolder('mime-tiny'))
    const [{ input, ids }] = contexts([[14, 5]]) as [ReturnType<typeof contexts>[number]]
    const by = async (noise?: Noise) =>
      (await atOnce(gpu, model, [{ input: { ids: input.ids, roles: input.roles, ...(noise && { noise }) }, ids }]))[0]!
    const zeros = { positive: new Float32Array(36), negative: new Float32Array(36) }
    assert.equal(await by('zero'), await by(zeros))
    assert.equal(await by(), await by(zeros))
    const seeded = await by({ seed: 3 })
    assert.equal(await by({ seed: 3 }), seeded)
    for (const noise of ['zero', { seed: 4 }] as const) {
      const other = await by(noise)
      assert.ok(Math.max(...seeded.map((it, i) => Math.abs(it - other[i]!))) > 1e-3)
    }
    await refused(
      () => by({ positive: [1], negative: [1] }),
      /noise has 1 and 1 numbers: it needs 36 for each polarity/,
    )
    for (const path of goldenCases('mime-tiny')) {
      await using file = await openSafetensors(path)
      const [batch, length] = file.tensors.get('input_ids')!.shape as [number, number]
      const expected = await file.readF32('log_probs.zero_noise')
      const [all, roles, mask, reply] = await Promise.all(
        ['input_ids', 'role_ids', 'attention_mask', 'decoder_input_ids'].map((name) => file.readI64(name)),
      )
      const replyLength = reply!.length / batch
      for (let b = 0; b < batch; b++) {
        const row = (values: readonly number[]) =>
          values.slice(b * length, (b + 1) * length).filter((_, i) => mask![b * length + i] !== 0)
        const padded = reply!.slice(b * replyLength, (b + 1) * replyLength)
        const forced = {
          input: { ids: row(all!), roles: row(roles!) },
          ids: padded.filter((id, i) => i === 0 || id !== 1),
        }
        const [logits] = await atOnce(gpu, model, [forced])
        for (const i of forced.ids.keys()) {
          const start = (b * replyLength + i) * 203
          assertClose(logSoftmax(logits!.subarray(i * 203, (i + 1) * 203)), expected.subarray(start, start + 203), 2e-4)
        }
      }
    }
  })

  test('contexts without ids, with too many, or with other roles are refused', async (gpu) => {
    const model = await open(gpu, goldenFolder('transformer-tiny'))
    const read = async (ids: number, roles = ids) => {
      const run = new Run(gpu, model.weights)
      const cache = model.createCache({ slots: 1 })
      const input = { ids: new Array<number>(ids).fill(6), roles: new Array<number>(roles).fill(6) }
      try {
        await run.submit((pass) => model.start(pass, [input], cache, [0]))
      } finally {
        cache.dispose()
        run.dispose()
      }
    }
    await refused(() => read(0), /a context has 0 ids: it needs one, CLS, and may have 1000/)
    await refused(() => read(1001), /a context has 1001 ids/)
    await refused(() => read(3, 2), /a context has 3 ids and 2 roles/)
    await read(1000)
    model.dispose()
  })
})
