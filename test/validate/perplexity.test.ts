import * as assert from 'uvu/assert'
import { describeFolder, openModel, readConfig } from '../../src/engine/load-model.js'
import { openSafetensors } from '../../src/io/safetensors.js'
import type { JointInput } from '../../src/models/joint/model.js'
import type { ContextIds } from '../../src/models/listeners/model.js'
import type { DialogueIds } from '../../src/models/misc/misc.js'
import { packagedModel } from '../../src/platform/node/packaged-model.js'
import { accuracyGate } from '../../src/validate/accuracy-gate.js'
import { perplexity, type ScoredReply, scoreReplies } from '../../src/validate/perplexity.js'
import { readReferenceCase } from '../../src/validate/reference-case.js'
import { miscRows, readReplies } from '../../src/validate/replies.js'
import { fixture } from '../fixtures.js'
import { goldenCases, goldenModel, LISTENERS_GOLDENS } from '../golden.js'
import { assertClose, firstGpuSuite } from '../gpu.js'
import { jointCases, jointModel } from '../joint.js'
import * as reference from '../reference/token-loss.js'
import { miscReader } from './misc-reader.js'

const config = await readConfig(packagedModel())
const { replies: rows, vocabulary: ids } = await readReplies(await miscRows(packagedModel(), config), {
  data: fixture('text', 'misc-esconv'),
  split: 'dev',
  limit: 3,
})

firstGpuSuite('validate/perplexity', (test) => {
  test('losses, best ids and strategies are those of the reference’s logits, replies of any length together', async (gpu) => {
    const model = await openModel(gpu, await goldenModel('misc-tiny-paper'), { family: 'misc' })
    const vocabulary = model.config.vocabSize
    const replies: ScoredReply<DialogueIds>[] = []
    const expected: ReturnType<typeof reference.tokenLoss>[] = []
    const strategies: Float32Array[] = []
    for (const path of goldenCases('misc-tiny-paper')) {
      const { inputs, decoderIds, stages } = await readReferenceCase(path, miscReader(model.config))
      const length = decoderIds[0]!.length
      inputs.forEach((input, b) => {
        // Of every dialogue one id less.
        const reply = decoderIds[b]!.slice(1, length - replies.length)
        const start = b * length * vocabulary
        const logits = stages.get('logits')!.subarray(start, start + reply.length * vocabulary)
        replies.push({ input, reply })
        expected.push(reference.tokenLoss(logits, reply, vocabulary))
        strategies.push(stages.get('strategy.logits')!.slice(b * 8, (b + 1) * 8))
      })
    }
    let done = 0
    const scores = await scoreReplies(gpu, model, replies, vocabulary, (count) => {
      done += count
    })
    assert.is(done, replies.length)
    scores.forEach(({ losses, bestIds, told }, i) => {
      assertClose(losses, expected[i]!.losses, 4e-4)
      assertClose(told.logits, strategies[i]!, 2e-4)
      assert.equal([...bestIds], expected[i]!.bestIds)
    })
    const all = expected.flatMap((it) => it.losses)
    assertClose([perplexity(scores)], [Math.exp(all.reduce((a, b) => a + b, 0) / all.length)], 0, 1e-4)
  })

  test('a dialogue’s own strategy is decoded with, and the predicted one told', async (gpu) => {
    const model = await openModel(gpu, await goldenModel('misc-tiny-released'), { family: 'misc' })
    const { inputs, decoderIds } = await readReferenceCase(
      goldenCases('misc-tiny-released')[0]!,
      miscReader(model.config),
    )
    const [dialogue, reply] = [inputs[0]!, decoderIds[0]!.slice(1)]
    const score = async (strategy?: number[]) => {
      const [scores] = await scoreReplies(
        gpu,
        model,
        [{ input: { ...dialogue, strategy }, reply }],
        model.config.vocabSize,
      )
      return scores!
    }
    const predicted = await score()
    const same = await score([...predicted.told.probs])
    assertClose(same.losses, predicted.losses, 1e-5)
    const own = await score([0, 1, 0, 0, 0, 0, 0, 0])
    assert.equal([...own.told.probs], [0, 1, 0, 0, 0, 0, 0, 0])
    assertClose(own.told.logits, predicted.told.logits, 1e-6)
    assert.ok(own.losses.some((loss, i) => Math.abs(loss - predicted.losses[i]!) > 1e-3))
  })

  test('BlenderBot-Joint’s losses of training and of evaluation, of every case', async (gpu) => {
    const folder = await jointModel()
    const model = await openModel(gpu, folder, { family: 'joint' })
    const { config } = model
    for (const path of jointCases()) {
      await using file = await openSafetensors(path)
      const reference = await readReferenceCase(path, await describeFolder(folder))
      const inputs = reference.inputs as JointInput[]
      const [labels, sizes] = [await file.readI64('labels'), await file.readI64('loss.valid.size')]
      const width = labels.length / inputs.length
      const rows = inputs.map((_, b) => labels.slice(b * width, (b + 1) * width).filter((id) => id >= 0))
      const expected = async (name: string) => {
        const values = await file.readF32(name)
        return rows.map((row, b) => values.slice(b * width, b * width + row.length))
      }

      // In training the strategy is a label among the others.
      const trained = inputs.map((input, b) => ({ input, reply: rows[b]! }))
      const training = await scoreReplies(gpu, model, trained, config.vocabSize)
      for (const [b, losses] of (await expected('loss.train.token')).entries()) {
        assertClose(training[b]!.losses, losses, 2e-4)
      }
      assertClose(
        training.map(({ losses }) => losses[0]!),
        await file.readF32('loss.strategy'),
        2e-4,
      )
      assertClose([Math.log(perplexity(training))], await file.readF32('loss.train.all'), 1e-4)
      const means = training.map((it) => Math.log(perplexity([it])))
      const ppl = Math.exp(means.reduce((a, b) => a + b) / means.length)
      assertClose([ppl], await file.readF32('loss.train.ppl'), 0, 1e-4)

      // In evaluation it is given, and no strategy is among the ids that may come.
      const evaluated = inputs.map((input, b) => ({ input, begun: rows[b]!.slice(0, 1), reply: rows[b]!.slice(1) }))
      const evaluation = await scoreReplies(gpu, model, evaluated, config.firstStrategyId)
      for (const [b, losses] of (await expected('loss.valid.token')).entries()) {
        assert.is(evaluation[b]!.losses.length, sizes[b])
        assertClose(evaluation[b]!.losses, losses.subarray(1), 2e-4)
      }
      const told = evaluation.flatMap((it) => [...it.told.logits])
      assertClose(told, await file.readF32('strategy.logits'), 2e-4)
    }
    model.dispose()
  })

  test('Transformer’s, MoEL’s and MIME’s losses are those of their references', async (gpu) => {
    for (const name of LISTENERS_GOLDENS) {
      const folder = await goldenModel(name)
      const model = await openModel(gpu, folder, { family: 'listeners' })
      for (const path of goldenCases(name)) {
        await using file = await openSafetensors(path)
        const { inputs, decoderIds } = await readReferenceCase(path, await describeFolder(folder))
        const labels = await file.readI64('labels')
        const width = labels.length / inputs.length
        const replies = inputs.map((input, b) => ({
          input: input as ContextIds,
          reply: labels.slice(b * width, b * width + decoderIds[b]!.length),
        }))
        const scores = await scoreReplies(gpu, model, replies, model.config.vocabSize)
        const means = scores.map((it) => Math.log(perplexity([it])))
        assertClose(means, await file.readF32('nll'), 2e-4)
      }
      model.dispose()
    }
  })

  test('misc-mini in f16 and int8 keeps the gates on a few rows', async (gpu) => {
    const score = async (dtype: 'f32' | 'f16' | 'int8') =>
      scoreReplies(gpu, await openModel(gpu, packagedModel(), { family: 'misc', dtype }), rows, ids)
    const exact = await score('f32')
    const f16 = accuracyGate('f16', exact, await score('f16'))
    // misc-mini's file is f16: nothing is rounded.
    assert.equal([f16.ok, f16.ppl_change, f16.argmax_agreement], [true, 0, 1])
    const int8 = accuracyGate('int8', exact, await score('int8'))
    assert.ok(int8.ok, JSON.stringify(int8))
    assert.is.not(int8.ppl_change, 0)
  })
})
