import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluateModel } from '../../src/cli/eval-model.js'
import { withGpu } from '../../src/cli/gpu-command.js'
import { loadModel } from '../../src/engine/load-model.js'
import { Misc } from '../../src/engine/misc.js'
import { featureLimits } from '../../src/engine/model-text.js'
import { rankStrategies } from '../../src/metrics/strategy-accuracy.js'
import { readReplyRows } from '../../src/text/reply-rows.js'
import { replyIds } from '../../src/text/row-features.js'
import { STRATEGIES } from '../../src/text/strategies.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { scoreReplies } from '../../src/validate/perplexity.js'
import { tinyModel } from '../engine-model.js'
import { fixture } from '../fixtures.js'
import { modelAdapters } from '../gpu.js'

const data = fixture('text', 'misc-esconv')
const rows = await readReplyRows(data, 'dev', 4)

for (const adapter of modelAdapters) {
  const model = suite(`cli/eval-model on ${adapter}`)
  for (const variant of ['paper', 'released'] as const) {
    model(`${variant}: each row’s reply, strategies and losses are what it has alone`, async () => {
      const folder = await tinyModel(160, variant)
      const options = { maxNewTokens: 6, topP: 1 }
      const flags = { data, split: 'dev', limit: 4, dtype: 'f32', adapter, seed: 7, ...options } as const
      const { figures, hypotheses, references, strategies } = await evaluateModel(folder, flags)
      assert.equal(
        references,
        rows.map(({ reply }) => reply.text),
      )
      assert.equal(
        strategies.map(({ reference }) => reference),
        rows.map(({ reply }) => reply.strategy),
      )

      const tokenizer = await Tokenizer.load(folder)
      await using misc = await Misc.load(folder, { adapter })
      const ids = await Promise.all(rows.map((row) => replyIds(tokenizer, row, featureLimits(misc.config))))
      for (const [i, { contextIds: context, postBlocks: post, situationBlocks: situation }] of ids.entries()) {
        const input = { ids: { context, post, situation } }
        assert.is(hypotheses[i], (await misc.reply(input, { ...options, seed: 7 + i })).text)
        const { probs } = (await misc.encode(input)).strategy
        assert.equal(
          strategies[i]!.ranking,
          rankStrategies((name) => probs[name]),
        )
      }

      let [nats, tokens] = [0, 0]
      await withGpu({ adapter }, async (gpu) => {
        const weights = await loadModel(gpu, folder)
        for (const [
          i,
          { contextIds: context, postBlocks: post, situationBlocks: situation, replyIds: reply },
        ] of ids.entries()) {
          // The released variant's decoder is told the strategy that was taken.
          const taken = STRATEGIES.map((name) => (name === rows[i]!.reply.strategy ? 1 : 0))
          const dialogue = { context, post, situation, ...(variant === 'released' && { strategy: taken }) }
          const [scores] = await scoreReplies(gpu, weights, [{ dialogue, reply }], tokenizer.vocabSize)
          for (const loss of scores!.losses) nats += loss
          tokens += reply.length
        }
      })
      const { ppl, ...rest } = figures
      assert.ok(Math.abs(ppl / Math.exp(nats / tokens) - 1) < 1e-5, `PPL ${ppl}, alone ${Math.exp(nats / tokens)}`)
      assert.equal(rest, { split: 'dev', tokens, seed: 7, dtype: 'f32', adapter })
    })
  }
  model.run()
}
