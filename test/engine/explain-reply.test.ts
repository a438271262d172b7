import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { load } from '../../src/engine/load.js'
import { loadModel, readConfig } from '../../src/engine/load-model.js'
import { replay } from '../../src/engine/replay.js'
import { ReplyDecoder } from '../../src/engine/reply-decoder.js'
import { ReplySlots } from '../../src/engine/reply-slots.js'
import { softmax } from '../../src/engine/source-attention.js'
import { tokenRules } from '../../src/generation/token-rules.js'
import { MiscModel } from '../../src/models/misc/model.js'
import { Capture } from '../../src/nn/capture.js'
import { saying, tinyModel } from '../engine-model.js'
import { goldenModel } from '../golden.js'
import { gpuSuite, modelAdapters } from '../gpu.js'
import { jointModel } from '../joint.js'
import { listenersModel } from '../listeners-models.js'

const input = { context: [5, 6, 7, 2], post: [[8, 9], [10]], situation: [[11]] }
const drawn = [20, 30, 40, 50, 60, 70, 80]

gpuSuite('engine/explain-reply', (test) => {
  test('a replay has the distributions that the steps had, to 1e-4', async (gpu) => {
    const folder = await goldenModel('misc-tiny-paper')
    const rules = tokenRules(await readConfig(folder))
    const model = new MiscModel(gpu, await loadModel(gpu, folder))
    const decoder = new ReplyDecoder(gpu, model, rules)
    const { vocabSize } = model.config
    const slots = new ReplySlots(gpu, model, 1, rules)
    await (await decoder.reader.encode([input], slots.cache, [0])).told
    const capture = new Capture(gpu, new Set(['logits']))
    const step = await slots.record(1, (recorder) => ({ trace: capture.trace(recorder) }))
    const scores = await replay(
      decoder,
      input,
      drawn,
      () => false,
      async ({ stage }) => stage('scores'),
    )
    for (const [i, id] of [rules.decoderStartId, ...drawn].entries()) {
      const { ids, positions, lengths } = slots.sampling
      gpu.write(ids, Uint32Array.of(id))
      gpu.write(positions, Uint32Array.of(i))
      gpu.write(lengths, Uint32Array.of(i))
      gpu.submit([step])
      const stepped = softmax((await capture.read()).get('logits')!)
      softmax(scores.subarray(i * vocabSize, (i + 1) * vocabSize)).forEach((p, at) => {
        assert.ok(Math.abs(p - stepped[at]!) < 1e-4, `id ${i}, of ${at}: ${p}, ${stepped[at]}`)
      })
    }
    step.dispose()
    capture.dispose()
    slots.dispose()
    decoder.dispose()
  })
})

const models = {
  misc: () => tinyModel(96),
  joint: jointModel,
  moel: () => listenersModel('moel-tiny'),
  mime: () => listenersModel('mime-tiny'),
}

for (const adapter of modelAdapters) {
  const families = suite(`engine/explain-reply: families on ${adapter}`)

  for (const [name, folder] of Object.entries(models)) {
    families(`${name}: every word is one that its draw left, and the likeliest where the best is taken`, async () => {
      await using engine = await load(await folder(), { adapter, tune: false })
      const question = saying('i am sad . why ?')
      // More rows than one pass has, where the model has them.
      const most = Math.min(80, engine.maxPositions - 4)
      const likeliest = await engine.explain(question, { doSample: false, minLength: most, maxNewTokens: most })
      assert.ok(likeliest.words.length > 10, `${likeliest.words.length} words`)
      for (const [i, { id, probability, candidates }] of likeliest.words.entries()) {
        assert.is(id, candidates[0]!.id, `word ${i}`)
        assert.is(probability, candidates[0]!.probability)
      }
      const sampling = { doSample: true, seed: 4, topK: 6, topP: 1, temperature: 1, maxNewTokens: 12 }
      const sampled = await engine.explain(question, sampling)
      assert.equal(sampled.reply.ids, (await engine.reply(question, sampling)).ids)
      for (const { id, probability, modelProbability, left, candidates } of sampled.words) {
        assert.is(candidates.find((it) => it.id === id)?.probability, probability)
        assert.ok(left <= 6 && probability >= modelProbability * 0.5, `${left} left, ${probability}`)
        assert.ok(Math.abs(candidates.reduce((sum, it) => sum + it.probability, 0) - 1) < 1e-9)
      }
      const { finishReason, ids } = sampled.reply
      assert.is(sampled.words.length, ids.length + (finishReason === 'stop' ? 1 : 0))
    })
  }

  families.run()
}
