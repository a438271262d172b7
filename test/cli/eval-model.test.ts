import { cpSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluateSystems } from '../../src/cli/eval-model.js'
import type { EvalRow } from '../../src/cli/eval-row.js'
import { systemsOf, type TableNumber } from '../../src/cli/eval-systems.js'
import { load } from '../../src/engine/load.js'
import { describeFolder } from '../../src/engine/load-model.js'
import { Misc } from '../../src/engine/misc.js'
import { featureLimits } from '../../src/engine/model-text.js'
import type { ReplyDecoder } from '../../src/engine/reply-decoder.js'
import type { ReplyEngine } from '../../src/engine/reply-engine.js'
import { openCheckpoint } from '../../src/io/checkpoint.js'
import { FileLock } from '../../src/io/file-lock.js'
import { rankStrategies } from '../../src/metrics/strategy-accuracy.js'
import { ABLATIONS, outputsOf } from '../../src/models/misc/ablation.js'
import { ESCONV_EMOTIONS } from '../../src/text/emotions.js'
import type { EsconvRow } from '../../src/text/esconv-row.js'
import { readReplyRows } from '../../src/text/reply-rows.js'
import { replyIds } from '../../src/text/row-features.js'
import { STRATEGIES } from '../../src/text/strategies.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { type ScoredReply, scoreReplies } from '../../src/validate/perplexity.js'
import { rowReader } from '../../src/validate/replies.js'
import { blenderbotModel } from '../blenderbot-model.js'
import { tinyModel } from '../engine-model.js'
import { filesFolder } from '../files-folder.js'
import { fixture } from '../fixtures.js'
import { modelAdapters } from '../gpu.js'
import { jointModel } from '../joint.js'
import { listenersModel } from '../listeners-models.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'
import { rewritten } from '../validate/rewritten.js'

const data = fixture('text', 'misc-esconv')
const rows = await readReplyRows(data, 'dev', 4)
const generation = { maxNewTokens: 6, topP: 1 }
const evaluate = (adapter: string, models: string[], table: TableNumber, some: readonly EsconvRow[] = rows) =>
  evaluateSystems(systemsOf(models, table), some, { data, dtype: 'f32', adapter, seed: 7, generation })

/** What an engine's model says of replies, each alone: nats of each. */
async function scoresAlone(engine: object, replies: readonly ScoredReply[], vocabulary: number) {
  const { gpu, model } = (engine as { decoder: ReplyDecoder }).decoder
  const found: { nats: number }[] = []
  for (const reply of replies) {
    model.forget()
    const [scores] = await scoreReplies(gpu, model, [reply], vocabulary)
    found.push({ nats: scores!.losses.reduce((sum, it) => sum + it, 0) })
  }
  return found
}

const near = (got: number, want: number, what: string) =>
  assert.ok(Math.abs(got / want - 1) < 1e-5, `${what}: ${got}, alone ${want}`)

const [adapter] = modelAdapters as [string]
const model = suite(`cli/eval-model on ${adapter}`)
for (const variant of ['paper', 'released'] as const) {
  model(`${variant}: each row’s reply, strategies and losses are what it has alone`, async () => {
    const folder = await tinyModel(160, variant)
    const [evaluated] = await evaluate(adapter, [folder], 2)
    const { head, rows: found } = evaluated!
    assert.equal([head.adapter, head.rows, head.seed, head.split], [adapter, 4, 7, 'dev'])
    assert.equal(
      found.map(({ reference }) => reference),
      rows.map(({ reply }) => reply.text),
    )
    assert.equal(
      found.map(({ strategy }) => strategy!.reference),
      rows.map(({ reply }) => reply.strategy),
    )

    const tokenizer = await Tokenizer.load(folder)
    await using misc = await Misc.load(folder, { adapter })
    const ids = await Promise.all(rows.map((row) => replyIds(tokenizer, row, featureLimits(misc.config))))
    const replies: ScoredReply[] = []
    for (const [
      i,
      { contextIds: context, postBlocks: post, situationBlocks: situation, replyIds: reply },
    ] of ids.entries()) {
      const input = { ids: { context, post, situation } }
      assert.is(found[i]!.hypothesis, (await misc.reply(input, { ...generation, seed: 7 + i })).text)
      const { probs } = (await misc.encode(input)).strategy
      for (const name of STRATEGIES) near(found[i]!.strategy!.probs[name], probs[name], name)
      // The released variant's decoder is told the strategy that was taken.
      const taken = STRATEGIES.map((name) => (name === rows[i]!.reply.strategy ? 1 : 0))
      replies.push({ input: { context, post, situation, ...(variant === 'released' && { strategy: taken }) }, reply })
    }
    for (const [i, { nats }] of (await scoresAlone(misc, replies, tokenizer.vocabSize)).entries()) {
      near(found[i]!.nats, nats, `row ${i}`)
      assert.is(found[i]!.ids, replies[i]!.reply.length)
    }
  })
}

const turns = [
  { speaker: 'usr', text: 'i am sad' },
  { speaker: 'sys', text: 'why?', strategy: 'Question' },
  { speaker: 'usr', text: 'do not know' },
  { speaker: 'sys', text: 'i know', strategy: 'Others' },
]
const esconv = filesFolder({ 'test.jsonl': `${JSON.stringify({ emotion_type: 'fear', dialog: turns })}\n` })

for (const [name, make] of [
  ['BlenderBot-Joint', jointModel],
  ['a plain BlenderBot', blenderbotModel],
  ...(['moel-tiny', 'mime-tiny'] as const).map((it) => [it, async () => listenersModel(it)] as const),
] as const) {
  model(`${name}: each row’s reply and losses are what it has alone, strategies where it has them`, async () => {
    const folder = await make()
    const some = await readReplyRows(esconv, 'test')
    const { rows: found, head } = (await evaluate(adapter, [folder], 2, some))[0]!
    const reader = await rowReader(folder, await describeFolder(folder))
    const replies = await Promise.all(some.map(async (row) => (await reader.read(row))!))
    await using engine = await load(folder, { adapter })
    const alone = await scoresAlone(engine, replies, reader.vocabulary)
    for (const [i, row] of found.entries()) {
      near(row.nats, alone[i]!.nats, `row ${i}`)
      assert.is(row.ids, replies[i]!.reply.length)
      const dialogue = some[i]!.context.map(({ strategy, ...it }) => (strategy ? { ...it, strategy } : it))
      const drawn = await (engine as ReplyEngine).reply({ dialogue }, { ...generation, seed: 7 + i })
      assert.is(row.hypothesis, drawn.text)
      assert.is(head.vocabulary.ids, reader.vocabulary)
      if (engine.family !== 'joint') assert.not(row.strategy)
      else {
        assert.is(row.strategy!.reference, some[i]!.reply.strategy)
        assert.is(row.strategy!.chosen, drawn.strategy.chosen)
        for (const it of STRATEGIES) near(row.strategy!.probs[it], drawn.strategy.probs[it], it)
      }
    }
  })
}

const named = (evaluated: Awaited<ReturnType<typeof evaluate>>) =>
  new Map(evaluated.map(({ system, rows }) => [system.name, rows]))

model('a source’s output is a weight and a bias a layer, in both variants', async () => {
  for (const variant of ['paper', 'released'] as const) {
    await using file = await openCheckpoint(await tinyModel(160, variant))
    for (const ablation of ABLATIONS) {
      const names = [...file.tensors.keys()].filter((name) => outputsOf(ablation).test(name))
      assert.equal(names.map((name) => name.split('.').slice(-2).join('.')).sort(), [
        'out_proj.bias',
        'out_proj.weight',
      ])
    }
  }
})

const sources: readonly (readonly [string, string, Partial<EsconvRow>])[] = [
  ['w/o g', 'strategy', {}],
  ['w/o s', 'comet_st', { situationBlocks: [] }],
  ['w/o x', 'comet', { postBlocks: [] }],
]
for (const [variant, count] of [
  ['paper', sources.length],
  ['released', 1],
] as const) {
  model(
    `Table 4, ${variant}: without a source the decoder is as if its output were not there, weight and bias`,
    async () => {
      const folder = await tinyModel(160, variant)
      const all = systemsOf([folder], 4)
      assert.equal(
        all.slice(1).map(({ name }) => name),
        ['w/o g', 'w/o s', 'w/o x'],
      )
      const asked = all.slice(0, 1 + count)
      const options = { data, dtype: 'f32', adapter, seed: 7, generation } as const
      const tables = named(await evaluateSystems(asked, rows, options))
      const [full] = [...tables.values()] as [readonly EvalRow[]]
      for (const [name, source, blocks] of sources.slice(0, count)) {
        const bare = tempFolder()
        cpSync(folder, bare, { recursive: true })
        const output = `model.decoder.layers.0.encoder_attn_${source}.out_proj`
        const zero = (values: Float32Array) => values.fill(0)
        // Without its blocks a source of blocks adds its bias alone; the strategy is always there.
        const changes = { [`${output}.bias`]: zero, ...(source === 'strategy' && { [`${output}.weight`]: zero }) }
        const file = await rewritten(join(folder, 'model.safetensors'), changes, 'model.safetensors')
        cpSync(file, join(bare, 'model.safetensors'))
        const without = rows.map((row): EsconvRow => ({ ...row, ...blocks }))
        const [expected] = await evaluate(adapter, [bare], 2, without)
        for (const [i, row] of tables.get(name)!.entries()) {
          near(row.nats, expected!.rows[i]!.nats, `${name}, row ${i}`)
          assert.is(row.hypothesis, expected!.rows[i]!.hypothesis)
        }
        assert.ok(
          tables.get(name)!.some((row, i) => Math.abs(row.nats - full[i]!.nats) > 1e-4),
          `${name} changes nothing`,
        )
      }
    },
  )
}

model('Table 6: the blocks say the conversation’s emotion, and a row without one is refused', async () => {
  const folder = await tinyModel(160)
  const tables = named(await evaluate(adapter, [folder], 6))
  const instead = rows.map((row) => {
    const block = `[xReact] ${ESCONV_EMOTIONS[row.emotion!]}`
    return { ...row, postBlocks: [block], situationBlocks: [block] }
  })
  const [expected] = await evaluate(adapter, [folder], 2, instead)
  assert.equal(tables.get('emotion'), expected!.rows)
  assert.not.equal([...tables.values()][0], expected!.rows)
  await refused(
    () => evaluate(adapter, [folder], 6, [{ ...rows[0]!, emotion: null }]),
    /row 0 of dev names no emotion of ESConv, which Table 6 is about/,
  )
})

model('Table 7: replies in the strategy that the model holds likeliest, and scores with it', async () => {
  const folder = await tinyModel(160)
  const tables = named(await evaluate(adapter, [folder], 7))
  const [full] = [...tables.values()] as [readonly EvalRow[]]
  await using misc = await Misc.load(folder, { adapter })
  const reader = await rowReader(folder, await describeFolder(folder))
  const replies: ScoredReply[] = []
  for (const [i, row] of tables.get('single strategy')!.entries()) {
    const [strategy] = rankStrategies((name) => full[i]!.strategy!.probs[name])
    assert.equal(row.strategy, { ...full[i]!.strategy!, chosen: strategy })
    const { input, reply } = (await reader.read(rows[i]!))!
    const { context, post, situation } = input as Record<string, number[]> & { post: number[][]; situation: number[][] }
    const ids = { context: context!, post, situation }
    assert.is(row.hypothesis, (await misc.reply({ ids }, { ...generation, strategy: strategy!, seed: 7 + i })).text)
    const given = { ...ids, strategy: STRATEGIES.map((name) => Number(name === strategy)) }
    replies.push({ input: given, reply })
  }
  const alone = await scoresAlone(misc, replies, reader.vocabulary)
  for (const [i, row] of tables.get('single strategy')!.entries()) near(row.nats, alone[i]!.nats, `row ${i}`)
})

model('a file that another process writes is refused, and left as it is', async () => {
  const [folder, out] = [await tinyModel(160), tempFolder()]
  const systems = systemsOf([folder])
  const options = { data, dtype: 'f32', adapter, seed: 7, generation, out } as const
  using _ = await FileLock.take(join(out, systems[0]!.file))
  const before = readdirSync(out)
  await refused(() => evaluateSystems(systems, rows, options), /\.jsonl: process \d+@.* is writing it: wait until/)
  assert.equal(readdirSync(out), before)
})

model('Tables 4, 6 and 7 are of MISC alone', async () => {
  await refused(
    () => evaluate(adapter, [listenersModel('moel-tiny')], 4),
    /holds MoEL.*, and Tables 4, 6 and 7 are of MISC: give --table 2/,
  )
})

model.run()
