import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { miscLook } from '../../src/engine/explain-misc.js'
import { loadModel, readConfig } from '../../src/engine/load-model.js'
import { Misc } from '../../src/engine/misc.js'
import { replay } from '../../src/engine/replay.js'
import { ReplyDecoder } from '../../src/engine/reply-decoder.js'
import { tokenRules } from '../../src/generation/token-rules.js'
import { openSafetensors } from '../../src/io/safetensors.js'
import { MiscModel } from '../../src/models/misc/model.js'
import { SOURCES } from '../../src/models/misc/sources.js'
import { STRATEGIES } from '../../src/text/strategies.js'
import { readReferenceCase } from '../../src/validate/reference-case.js'
import { tinyModel } from '../engine-model.js'
import { goldenCases, goldenModel } from '../golden.js'
import { gpuSuite, modelAdapters } from '../gpu.js'
import { miscDecoder } from '../reference/misc-decoder.js'
import { miscReader } from '../validate/misc-reader.js'

/** What is off by no more. */
const near = (actual: number, expected: number, tolerance: number, what: string) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: ${actual}, expected ${expected}`)

gpuSuite('engine/explain-misc', (test) => {
  for (const name of ['misc-tiny-paper', 'misc-odd-released'] as const) {
    test(`${name}: attention, and the four summands of every layer, are those of a decoder in float64 on the golden's states`, async (gpu) => {
      const folder = await goldenModel(name)
      const config = await readConfig(folder)
      const model = new MiscModel(gpu, await loadModel(gpu, folder))
      const decoder = new ReplyDecoder(gpu, model, tokenRules(config))
      const reference = await readReferenceCase(goldenCases(name)[0]!, miscReader(config))
      const [input, ids] = [reference.inputs[0]!, reference.decoderIds[0]!]
      // The first input's rows come first.
      const states = (stage: string, rows: number, width = config.dModel) =>
        reference.stages.get(stage)!.subarray(0, rows * width)
      const sources = {
        context: states('encoder.last_hidden_state', input.context.length),
        post: states('fusion.post', input.post.length),
        situation: states('fusion.situation', input.situation.length),
        strategy: states('strategy.representation', 1),
      }
      const sizes = { layers: config.decoderLayers, heads: config.decoderHeads }
      const expected = miscDecoder(await tensorsOf(folder), sizes, ids, sources)
      // The twin is right: its logits are the golden's.
      states('logits', ids.length, config.vocabSize).forEach((logit, i) => {
        near(expected.logits[i]!, logit, 2e-4, `logit ${i}`)
      })

      const seen = await replay(decoder, input, ids.slice(1), miscLook.isWanted, (it) =>
        miscLook.see(decoder, it, input, ids.length),
      )
      const d = config.dModel
      for (const [row, contributions] of seen.contributions.entries()) {
        for (const [layer, { summands }] of expected.layers.entries()) {
          for (const source of SOURCES) {
            const vector = summands[source].subarray(row * d, (row + 1) * d)
            near(contributions[layer]![source], Math.hypot(...vector), 1e-4, `row ${row}, layer ${layer}, ${source}`)
          }
        }
        for (const source of ['context', 'post', 'situation'] as const) {
          for (const [place, weight] of seen.attention[row]![source].entries()) {
            const byLayer = expected.layers.map(({ attention }) => attention[source][row]![place]!)
            const mean = byLayer.reduce((sum, it) => sum + it, 0) / byLayer.length
            near(weight, mean, 1e-5, `row ${row}, ${source} ${place}`)
          }
        }
      }
      decoder.dispose()
    })
  }
})

async function tensorsOf(folder: string) {
  await using file = await openSafetensors(`${folder}/model.safetensors`)
  const entries = await Promise.all(
    Array.from(file.tensors, async ([name, { shape }]) => [name, { shape, values: await file.readF32(name) }] as const),
  )
  return new Map(entries)
}

const input = {
  dialogue: [{ speaker: 'seeker' as const, text: 'hi, i am sad' }],
  blocks: {
    post: [
      { relation: 'xReact' as const, tail: 'sad' },
      { relation: 'xWant' as const, tail: 'to find a job' },
    ],
    situation: [],
  },
}
const given = STRATEGIES.map((_, i) => (i < 2 ? 0.5 : 0))

for (const adapter of modelAdapters) {
  const explain = suite(`engine/explain-misc: text to text on ${adapter}`)

  explain('the reply is the one that is drawn without it, and all that is told of it adds up', async () => {
    await using misc = await Misc.load(await tinyModel(), { adapter, tune: false })
    const options = { seed: 3, maxNewTokens: 6, minLength: 6, strategy: given }
    const [reply, found] = [await misc.reply(input, options), await misc.explain(input, options)]
    assert.equal([found.reply.ids, found.reply.text], [reply.ids, reply.text])
    assert.equal(
      found.words.slice(0, reply.ids.length).map((it) => it.id),
      reply.ids,
    )
    assert.equal([found.family, found.dtype, found.options.seed], ['misc', 'f32', 3])
    assert.equal(Object.values(found.strategies.given!), given)
    near(sum(Object.values(found.strategies.predicted)), 1, 1e-6, 'predicted')
    assert.ok(Math.max(...Object.values(found.strategies.predicted)) < 0.5)
    assert.equal(
      found.blocks.post.map(({ relation, tail }) => ({ relation, tail })),
      input.blocks.post,
    )
    near(sum(found.blocks.post.map((it) => it.attention)), 1, 1e-6, 'blocks')
    assert.equal(found.blocks.situation, [])
    assert.is(found.context.length, found.words[0]!.attention.context.length)
    for (const { attention, contributions } of found.words) {
      near(sum(attention.context), 1, 1e-6, 'context')
      near(sum(attention.post), 1, 1e-6, 'post')
      for (const source of SOURCES) {
        assert.ok(contributions.sum[source] > 0)
        near(sum(contributions.byLayer.map((it) => it[source])), contributions.sum[source], 1e-9, source)
      }
    }
    assert.is((await misc.explain(input, { ...options, strategy: undefined })).strategies.given, undefined)
  })

  explain.run()
}

const sum = (values: readonly number[]) => values.reduce((total, it) => total + it, 0)
