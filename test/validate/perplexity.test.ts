import * as assert from 'uvu/assert'
import { loadModel, readConfig } from '../../src/engine/load-model.js'
import { packagedModel } from '../../src/platform/node/packaged-model.js'
import { accuracyGate } from '../../src/validate/accuracy-gate.js'
import { perplexity, type ScoredReply, scoreReplies } from '../../src/validate/perplexity.js'
import { readReferenceCase } from '../../src/validate/reference-case.js'
import { readReplies } from '../../src/validate/replies.js'
import { fixture } from '../fixtures.js'
import { goldenCases, goldenModel } from '../golden.js'
import { assertClose, firstGpuSuite } from '../gpu.js'
import * as reference from '../reference/token-loss.js'
import { miscReader } from './misc-reader.js'

const config = await readConfig(packagedModel())
const { replies: rows, vocabulary: ids } = await readReplies(packagedModel(), config, {
  data: fixture('text', 'misc-esconv'),
  split: 'dev',
  limit: 3,
})

firstGpuSuite('validate/perplexity', (test) => {
  test('losses, best ids and strategies are those of the reference’s logits, replies of any length together', async (gpu) => {
    const weights = await loadModel(gpu, await goldenModel('misc-tiny-paper'))
    const vocabulary = weights.config.vocabSize
    const replies: ScoredReply[] = []
    const expected: ReturnType<typeof reference.tokenLoss>[] = []
    const strategies: Float32Array[] = []
    for (const path of goldenCases('misc-tiny-paper')) {
      const { inputs, decoderIds, stages } = await readReferenceCase(path, miscReader(weights.config))
      const length = decoderIds[0]!.length
      inputs.forEach((dialogue, b) => {
        // Of every dialogue one id less.
        const reply = decoderIds[b]!.slice(1, length - replies.length)
        const start = b * length * vocabulary
        const logits = stages.get('logits')!.subarray(start, start + reply.length * vocabulary)
        replies.push({ dialogue, reply })
        expected.push(reference.tokenLoss(logits, reply, vocabulary))
        strategies.push(stages.get('strategy.logits')!.slice(b * 8, (b + 1) * 8))
      })
    }
    let done = 0
    const scores = await scoreReplies(gpu, weights, replies, vocabulary, (count) => {
      done += count
    })
    assert.is(done, replies.length)
    scores.forEach(({ losses, bestIds, strategy }, i) => {
      assertClose(losses, expected[i]!.losses, 4e-4)
      assertClose(strategy.logits, strategies[i]!, 2e-4)
      assert.equal([...bestIds], expected[i]!.bestIds)
    })
    const all = expected.flatMap((it) => it.losses)
    assertClose([perplexity(scores)], [Math.exp(all.reduce((a, b) => a + b, 0) / all.length)], 0, 1e-4)
  })

  test('a dialogue’s own strategy is decoded with, and the predicted one told', async (gpu) => {
    const weights = await loadModel(gpu, await goldenModel('misc-tiny-released'))
    const { inputs, decoderIds } = await readReferenceCase(
      goldenCases('misc-tiny-released')[0]!,
      miscReader(weights.config),
    )
    const [dialogue, reply] = [inputs[0]!, decoderIds[0]!.slice(1)]
    const score = async (strategy?: number[]) => {
      const [scores] = await scoreReplies(
        gpu,
        weights,
        [{ dialogue: { ...dialogue, strategy }, reply }],
        weights.config.vocabSize,
      )
      return scores!
    }
    const predicted = await score()
    const same = await score([...predicted.strategy.probs])
    assertClose(same.losses, predicted.losses, 1e-5)
    const own = await score([0, 1, 0, 0, 0, 0, 0, 0])
    assert.equal([...own.strategy.probs], [0, 1, 0, 0, 0, 0, 0, 0])
    assertClose(own.strategy.logits, predicted.strategy.logits, 1e-6)
    assert.ok(own.losses.some((loss, i) => Math.abs(loss - predicted.losses[i]!) > 1e-3))
  })

  test('misc-mini in f16 and int8 keeps the gates on a few rows', async (gpu) => {
    const score = async (dtype: 'f32' | 'f16' | 'int8') =>
      scoreReplies(gpu, await loadModel(gpu, packagedModel(), { dtype }), rows, ids)
    const exact = await score('f32')
    const f16 = accuracyGate('f16', exact, await score('f16'))
    // misc-mini's file is f16: nothing is rounded.
    assert.equal([f16.ok, f16.ppl_change, f16.argmax_agreement], [true, 0, 1])
    const int8 = accuracyGate('int8', exact, await score('int8'))
    assert.ok(int8.ok, JSON.stringify(int8))
    assert.is.not(int8.ppl_change, 0)
  })
})
