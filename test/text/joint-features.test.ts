import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { EsconvRow, EsconvTurn } from '../../src/text/esconv-row.js'
import { jointContext, jointFeatures, jointTarget } from '../../src/text/joint-features.js'
import { JOINT_PROGRAMS, type JointTokens, strategyId } from '../../src/text/joint-programs.js'
import { readReplyRows } from '../../src/text/reply-rows.js'
import { strategyNamed } from '../../src/text/strategies.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { fixture, readJsonLines } from '../fixtures.js'
import { sharedPath, skipWithoutShared } from '../shared.js'

// Its files name no added token: the tests add those of a program.
const N = 54944
const EOS = 2
/** The id of the word "a". */
const A = 12

const zcj: JointTokens = { program: 'codes_zcj', firstStrategyId: N }
const original: JointTokens = { program: 'codes', firstStrategyId: N }
const tokenizers = new Map(
  await Promise.all(
    [zcj, original].map(
      async (it) => [it, await Tokenizer.load(fixture('tokenizer'), JOINT_PROGRAMS[it.program].tokens)] as const,
    ),
  ),
)

const features = suite('text/joint-features')
const context = (tokens: JointTokens, turns: readonly { text: string }[], maxPositions = 512) =>
  jointContext(tokenizers.get(tokens)!, tokens, turns, maxPositions)
const words = (count: number) => 'a '.repeat(count)
const saying = (...texts: string[]) => texts.map((text) => ({ text }))

features('a strategy before its utterance, EOS between utterances; codes ends the last one too', async () => {
  const turns = [
    { text: ' a\n a' },
    { text: 'a', strategy: 'Information' as const },
    { text: 'a [Information]', strategy: null },
  ]
  assert.equal(await context(zcj, turns), {
    contextIds: [A, A, EOS, N + 6, A, EOS, A, N + 6],
    cut: { utterances: 0, ids: 0 },
  })
  assert.equal((await context(original, turns)).contextIds, [A, A, EOS, N + 2, A, EOS, A, N + 2, EOS])
})

features('codes_zcj keeps the last 160 ids, or as many as the model has positions, wherever that cuts', async () => {
  const { contextIds, cut } = await context(zcj, saying('a', words(100), words(100)))
  assert.equal(contextIds, [...new Array(59).fill(A), EOS, ...new Array(100).fill(A)])
  // The first utterance with its EOS, and 41 words.
  assert.equal(cut, { utterances: 1, ids: 43 })
  // Of the first utterance but its EOS is left.
  assert.equal(await context(zcj, saying('a a a', words(159))), {
    contextIds: [EOS, ...new Array(159).fill(A)],
    cut: { utterances: 1, ids: 3 },
  })
  assert.equal((await context(zcj, saying(words(50)), 20)).contextIds, new Array(20).fill(A))
  assert.equal(await context(zcj, saying('')), { contextIds: [EOS], cut: { utterances: 0, ids: 0 } })
})

features('codes reads four utterances, and starts at the first EOS among the last 512 ids', async () => {
  assert.equal(await context(original, saying('a a', 'a', 'a', 'a', 'a')), {
    contextIds: [A, EOS, A, EOS, A, EOS, A, EOS],
    cut: { utterances: 1, ids: 0 },
  })
  assert.equal(await context(original, saying('a a a', 'a', 'a'), 6), {
    contextIds: [EOS, A, EOS, A, EOS],
    cut: { utterances: 1, ids: 3 },
  })
  assert.equal((await context(original, saying('a a', 'a'), 5)).contextIds, [A, A, EOS, A, EOS])
  const { contextIds, cut } = await context(original, saying('a', words(600)))
  assert.equal(contextIds, [...new Array(511).fill(A), EOS])
  assert.equal(cut, { utterances: 1, ids: 91 })
})

features('of a dialogue without end no more is read than fits', async () => {
  const { contextIds, cut } = await context(zcj, saying(...new Array<string>(10_000).fill(words(1000))))
  assert.is(contextIds.length, 160)
  // A batch of eight utterances of 2000 characters, each with its EOS but the last.
  assert.equal(cut, { utterances: 9_999, ids: 8 * 1001 - 1 - 160 })
})

features('a target is cut with its strategy, 40 ids and one', async () => {
  const target = (tokens: JointTokens, text: string, maxPositions = 512) =>
    jointTarget(tokenizers.get(tokens)!, tokens, { strategy: 'Others', text }, maxPositions)
  assert.equal(await target(zcj, 'a a'), [N + 7, A, A, EOS])
  assert.equal(await target(zcj, words(50)), [N + 7, ...new Array(40).fill(A)])
  assert.equal(await target(original, words(50)), [N + 4, ...new Array(50).fill(A), EOS])
  assert.equal(await target(original, words(50), 3), [N + 4, A, A])
})

features('a row without a strategy is none of theirs', async () => {
  const row = { split: 'dev', row: 3, emotion: null, context: [turn({ text: 'a', speaker: 'usr' })] } as const
  const blocks = { place: { turn: 2, of: 2 }, postBlocks: [], situationBlocks: [] }
  const reply = { speaker: 'supporter', text: 'a' } as const
  const of = (strategy: EsconvTurn['strategy']) =>
    jointFeatures(
      tokenizers.get(zcj)!,
      zcj,
      { ...row, context: [...row.context], ...blocks, reply: { ...reply, strategy } },
      512,
    )
  assert.is(await of(null), undefined)
  assert.equal(await of('Information'), {
    ...{
      split: 'dev',
      row: 3,
      input_ids: [A],
      decoder_input_ids: [1, N + 6, A],
      labels: [N + 6, A, EOS],
      strategy_id: 6,
    },
  })
})

features.run()

/** A turn of the golden dialogues. */
function turn({ text, speaker, strategy }: { text: string; speaker: string; strategy?: string }): EsconvTurn {
  return {
    speaker: speaker === 'sys' ? 'supporter' : 'seeker',
    strategy: (strategy && strategyNamed(strategy)) || null,
    text,
  }
}

const rowOf = (turns: EsconvTurn[], row: number): EsconvRow => ({
  ...{ split: 'dev', row, emotion: null, postBlocks: [], situationBlocks: [] },
  ...{ context: turns.slice(0, -1), reply: turns.at(-1)!, place: { turn: turns.length, of: null } },
})

const golden = skipWithoutShared(suite('text/joint-features, golden'), 'joint-tiny’s rows and dialogues')
// biome-ignore lint/suspicious/noExplicitAny: golden rows
const rows = (file: string) => readJsonLines(sharedPath('golden', 'joint-tiny', file)!) as any[]

golden('features.jsonl and features.edge.jsonl: every id, and what they decode to', async () => {
  const tokenizer = tokenizers.get(zcj)!
  const all = [...rows('features.jsonl'), ...rows('features.edge.jsonl')]
  assert.is(all.length, 26)
  for (const [i, want] of all.entries()) {
    const turns = want.dialog.map(turn)
    const { input_ids, decoder_input_ids, labels, strategy_id } = (await jointFeatures(
      tokenizer,
      zcj,
      rowOf(turns, i),
      512,
    ))!
    assert.equal(
      { input_ids, decoder_input_ids, labels },
      {
        ...{ input_ids: want.input_ids, decoder_input_ids: want.decoder_input_ids, labels: want.labels },
      },
    )
    assert.is(strategy_id, want.strategy)
    if (want.strategy_token) assert.is(JOINT_PROGRAMS.codes_zcj.tokens[want.strategy], want.strategy_token)
    const decoded = async ({ text, strategy }: EsconvTurn) => {
      const stream = tokenizer.stream(true)
      const label = strategy ? [strategyId(zcj, strategy)] : []
      const ids = [...label, ...(await tokenizer.encode(text))]
      return ids.map((id) => stream.push(id)).join('') + stream.end()
    }
    assert.is(await decoded(turns.at(-2)!), want.post)
    assert.is(await decoded({ ...turns.at(-1)!, strategy: null }), want.reference)
    if (want.context_length_uncut) {
      const { cut } = await context(zcj, turns.slice(0, -1))
      // What was not turned into ids is not counted.
      if (cut.utterances === 0) assert.is(cut.ids, want.context_length_uncut - want.input_ids.length)
    }
  }
})

golden(
  'ESConv’s dev rows, as misc features reads them: all targets of codes_zcj, and the golden ones among them',
  async () => {
    const data = sharedPath('data', 'esconv')!
    const found = await readReplyRows(data, 'dev', Infinity, undefined, JOINT_PROGRAMS.codes_zcj.unheard)
    const conversations = readJsonLines(join(data, 'valid.jsonl')) as { dialog: { speaker: string }[] }[]
    const targets = conversations.flatMap(({ dialog }) => dialog.filter(({ speaker }, i) => i > 0 && speaker === 'sys'))
    assert.is(found.length, targets.length)
    const sayings = (turns: readonly { text: string }[]) =>
      JSON.stringify(turns.map(({ text }) => text.split(/\s+/).join(' ').trim()))
    const byTurns = new Map(found.map((row) => [sayings([...row.context, row.reply]), row]))
    for (const want of rows('features.jsonl')) {
      const row = byTurns.get(sayings(want.dialog))
      assert.ok(row, want.why)
      const { input_ids, labels } = (await jointFeatures(tokenizers.get(zcj)!, zcj, row, 512))!
      assert.equal([input_ids, labels], [want.input_ids, want.labels], want.why)
    }
  },
)

golden('features.original.jsonl: every id', async () => {
  const tokenizer = tokenizers.get(original)!
  const all = rows('features.original.jsonl')
  assert.is(all.length, 8)
  for (const want of all) {
    const turns = want.row.split(' EOS ').map((part: string) => {
      const [, role, strategy, text] = /^\S+ ([01]) \d+ (?:\[([^\]]+)\] )?(.*)$/.exec(part)!
      return turn({ speaker: role === '1' ? 'sys' : 'usr', text: text!, ...(strategy && { strategy }) })
    })
    const { input_ids, labels, strategy_id } = (await jointFeatures(tokenizer, original, rowOf(turns, 0), 512))!
    assert.equal([input_ids, labels], [want.input_ids, want.labels])
    assert.is(JOINT_PROGRAMS.codes.tokens[strategy_id], want.strategy_token)
    // What its training and evaluation read: padded to a multiple of 8.
    const padded = (ids: number[], pad: number) => [...ids, ...new Array((8 - (ids.length % 8)) % 8).fill(pad)]
    assert.equal(want.padded.input_ids, padded(input_ids, 0))
    assert.equal(want.padded.reply_ids, padded(labels, 0))
    assert.equal(want.padded.labels, [-100, ...padded(labels, -100).slice(1)], 'the strategy is left out of the loss')
  }
})

golden('dialogues.jsonl: contexts within the positions, and the text of replies', async () => {
  const folder = sharedPath('golden', 'joint-tiny')!
  const tokenizer = await Tokenizer.load(folder)
  const tokens = { ...zcj, firstStrategyId: 300 }
  for (const want of rows('dialogues.jsonl')) {
    const { contextIds } = await jointContext(tokenizer, tokens, want.dialog.map(turn), 64)
    assert.equal(contextIds, want.input_ids)
    const stream = tokenizer.stream(true)
    const text = want.reply_ids.map((id: number) => stream.push(id)).join('') + stream.end()
    assert.is(text, want.text)
  }
})

golden.run()
