import { spawnSync } from 'node:child_process'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Comet } from '../../src/engine/comet.js'
import { Misc } from '../../src/engine/misc.js'
import type { Reply } from '../../src/engine/reply.js'
import { DisposedError, NoAdapterError, QueueFullError } from '../../src/errors.js'
import { packagedModel } from '../../src/platform/node/packaged-model.js'
import { blockRelations, cometBlocks } from '../../src/text/comet-blocks.js'
import type { DialogueInput } from '../../src/text/dialogue.js'
import { STRATEGIES } from '../../src/text/strategies.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { tinyComet } from '../comet-models.js'
import { MAX_POSITIONS, saying, tinyModel } from '../engine-model.js'
import { modelAdapters, testAdapters } from '../gpu.js'
import { hubRepository } from '../hub-repository.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'
import { root } from '../user-folder.js'

const folder = await tinyModel()
/** The ids of the first reply, on every adapter. */
const firstIds: (readonly number[])[] = []
/** The mixture of the first reply, in f32. */
let mixture: Readonly<Record<string, number>> = {}
const CLS = 5772
const input: DialogueInput = {
  situation: 'I lost my job',
  dialogue: [
    { speaker: 'seeker', text: 'hi, i am sad' },
    { speaker: 'supporter', strategy: 'Question', text: 'Why are you sad?' },
    { speaker: 'seeker', text: 'i lost my job' },
  ],
  blocks: {
    post: [
      { relation: 'xReact', tail: 'sad' },
      { relation: 'xWant', tail: 'to find a job' },
    ],
    situation: [{ relation: 'xAttr', tail: 'unlucky' }],
  },
}
/** Long enough to see an abort, short enough to wait for. */
const SHORT = { seed: 1, maxNewTokens: 12, minLength: 12 }

async function rejected(work: Promise<unknown>, kind: new (...args: never[]) => Error): Promise<void> {
  await work.then(
    () => assert.unreachable('nothing was thrown'),
    (error) => assert.instance(error, kind, `expected ${kind.name}, got ${error.stack}`),
  )
}

for (const adapter of modelAdapters) {
  const engine = suite(`engine/misc on ${adapter}`)
  let misc: Misc
  let first: Reply
  engine.before(async () => {
    // A file URL is a path.
    misc = await Misc.load(pathToFileURL(`${folder}/`), { adapter, tune: false })
    first = await misc.reply(input, SHORT)
    firstIds.push(first.ids)
    mixture = first.strategy!.probs
  })
  engine.after(() => misc.dispose())

  engine('a reply has all that it promises', () => {
    assert.is(first.ids.length, 12)
    assert.equal([first.finishReason, first.seed, first.adapter], ['length', 1, adapter])
    assert.equal(Object.keys(first.strategy!.probs), [...STRATEGIES])
    const probs = Object.values(first.strategy!.probs)
    assert.ok(Math.abs(probs.reduce((sum, p) => sum + p, 0) - 1) < 1e-5)
    assert.is(first.strategy!.probs[first.strategy!.predicted], Math.max(...probs))
    const { encodeMs, firstTokenMs, perTokenMs } = first.timings
    assert.ok(encodeMs > 0 && firstTokenMs > encodeMs, `${encodeMs} and ${firstTokenMs} ms`)
    assert.ok(perTokenMs.median > 0 && perTokenMs.p95 >= perTokenMs.median)
  })

  engine('what loading took is told', () => {
    const { adapterMs, weightsMs, compileMs } = misc.loadTimings
    for (const ms of [adapterMs, weightsMs, compileMs]) assert.ok(ms > 0 && ms < Number.POSITIVE_INFINITY, `${ms} ms`)
  })

  engine('the seed repeats a reply, another one changes it', async () => {
    const wide = { ...SHORT, topP: 1, topK: 0, temperature: 2 }
    const [a, again, b] = await misc.replies([input, input, input], wide)
    assert.equal([again!.ids, b!.ids], [a!.ids, a!.ids])
    assert.not.equal((await misc.reply(input, { ...wide, seed: 2 })).ids, a!.ids)
    const free = await misc.reply(input, { maxNewTokens: 2 })
    assert.equal((await misc.reply(input, { maxNewTokens: 2, seed: free.seed })).ids, free.ids)
  })

  engine('what streams, joined, is the reply', async () => {
    const pieces = misc.stream(input, SHORT)
    let text = ''
    let count = 0
    for (;;) {
      const { done, value } = await pieces.next()
      if (done) {
        assert.equal([value.text, value.ids], [first.text, first.ids])
        break
      }
      text += value.text
      count++
    }
    assert.is(text, first.text)
    assert.ok(count > 3, `${count} pieces`)
  })

  engine('more dialogues than slots, of several lengths: each gets the reply that it would get alone', async () => {
    const inputs = Array.from({ length: 20 }, (_, i) =>
      i % 5 === 0 ? input : saying(Array.from({ length: i + 1 }, (_, j) => (j % 2 ? 'sad' : 'job')).join(' ')),
    )
    const options = inputs.map((_, i) => ({ seed: i, maxNewTokens: 1 + (i % 7) }))
    const together = await Promise.all(inputs.map((it, i) => misc.reply(it, options[i])))
    for (const i of [0, 3, 7, 15, 16, 19]) {
      const alone = await misc.reply(inputs[i]!, options[i])
      assert.equal([together[i]!.ids, together[i]!.text], [alone.ids, alone.text], `dialogue ${i}`)
    }
  })

  engine('an abort ends a reply within an id, and the next one is as fresh', async () => {
    const stop = new AbortController()
    const pieces = misc.stream(input, { ...SHORT, signal: stop.signal })
    let text = (await pieces.next()).value!.text
    stop.abort()
    let reply: Reply | undefined
    while (!reply) {
      const { done, value } = await pieces.next()
      if (done) reply = value
      else text += value.text
    }
    assert.is(reply.finishReason, 'aborted')
    assert.ok(reply.ids.length < 6, `${reply.ids.length} ids`)
    assert.equal([text, reply.ids], [reply.text, first.ids.slice(0, reply.ids.length)])
    assert.equal((await misc.reply(input, SHORT)).ids, first.ids)
  })

  engine('aborted before it begins, or while it waits for a slot', async () => {
    const before = await misc.reply(input, { signal: AbortSignal.abort() })
    assert.equal([before.finishReason, before.ids, before.text, before.strategy], ['aborted', [], '', undefined])
    const stop = new AbortController()
    const order: string[] = []
    const running = Array.from({ length: 16 }, () => misc.reply(input, SHORT).then(() => order.push('ran')))
    const waiting = misc.reply(input, { ...SHORT, signal: stop.signal }).then(({ finishReason }) => {
      order.push(finishReason)
    })
    await new Promise((resolve) => setTimeout(resolve, 5))
    stop.abort()
    await Promise.all([waiting, ...running])
    assert.is(order[0], 'aborted')
    assert.is(order.length, 17)
  })

  engine('leaving a stream early stops it and frees its slot', async () => {
    for (let i = 0; i < 3; i++) for await (const _ of misc.stream(input, SHORT)) break
    assert.equal((await misc.reply(input, SHORT)).ids, first.ids)
  })

  engine('what is wrong is refused before anything is computed', async () => {
    const reply = (options: object, dialogue: unknown = input) => misc.reply(dialogue as DialogueInput, options)
    await refused(
      () => reply({ tempreature: 1 }),
      /unknown generation option "tempreature": did you mean temperature\?/,
    )
    await refused(() => reply({ temperature: Number.NaN }), /temperature must be a number above 0, got NaN/)
    await refused(() => reply({ strategy: 'Qestion' }), /unknown strategy "Qestion"; the strategies are: Question, /)
    await refused(() => reply({ strategy: [1] }), /a name or 8 probabilities, got \[1\]/)
    await refused(() => reply({ strategy: new Array(8).fill(0.1) }), /add up to 1/)
    await refused(() => reply({ strategy: [2, -1, 0, 0, 0, 0, 0, 0] }), /0 or more/)
    await refused(() => reply({}, { dialogue: [] }), /at least one utterance/)
    await refused(() => reply({}, { ids: { context: [CLS + 1] } }), /ids\.context\[0\] is 5773, expected an id/)
    const long = { ids: { context: new Array(MAX_POSITIONS + 1).fill(7) } }
    await refused(() => reply({}, long), /ids\.context has 49 ids, more than the model's 48/)
    await refused(() => misc.stream(input, { top_p: 1 } as object).next(), /top_p.*did you mean topP\?/)
    await refused(() => misc.encode({ dialogue: [] }), /at least one utterance/)
  })

  engine('beams: the likeliest replies with their scores, the same whoever else is served', async () => {
    const options = { numBeams: 4, numReturnSequences: 3, maxNewTokens: 10 }
    const reply = await misc.reply(input, options)
    const { sequences, score, text, ids, finishReason, strategy } = reply
    assert.is(sequences!.length, 3)
    assert.equal(sequences![0], { text, ids, score, finishReason })
    const scores = sequences!.map((it) => it.score)
    assert.equal(
      scores,
      scores.toSorted((a, b) => b - a),
    )
    assert.ok(score! < 0 && new Set(sequences!.map((it) => it.text)).size > 1)
    assert.equal(strategy, first.strategy)
    assert.ok(reply.timings.firstTokenMs > reply.timings.encodeMs && reply.timings.perTokenMs.median > 0)
    assert.equal([first.score, first.sequences], [undefined, undefined])
    const told = ({ ids, score }: Reply) => [ids, Math.round(score! * 1e4)]
    const [beside, [one, two], drawn] = await Promise.all([
      misc.reply(input, options),
      misc.replies([input, saying('hi')], { ...options, numReturnSequences: 1 }),
      misc.reply(input, SHORT),
    ])
    assert.equal([told(beside), told(one!), drawn.ids], [told(reply), told(reply), first.ids])
    assert.is(one!.sequences, undefined)
    assert.equal(told(await misc.reply(saying('hi'), options)), told(two!))
  })

  engine('beams stream what can no longer change, and an abort leaves the best so far', async () => {
    const options = { numBeams: 3, minLength: 30, maxNewTokens: 30 }
    const pieces = misc.stream(input, options)
    let text = ''
    let reply: Reply | undefined
    while (!reply) {
      const { done, value } = await pieces.next()
      if (done) reply = value
      else text += value.text
    }
    assert.equal([text, reply.ids.length, reply.finishReason], [reply.text, 29, 'length'])
    const aborted = await misc.reply(input, { ...options, signal: AbortSignal.timeout(1) })
    assert.is(aborted.finishReason, 'aborted')
    assert.ok(aborted.ids.length < 29)
    assert.equal((await misc.reply(input, { ...options, signal: AbortSignal.abort() })).score, undefined)
    for await (const _ of misc.stream(input, options)) break
    assert.equal((await misc.reply(input, SHORT)).ids, first.ids)
  })

  engine('beams beside what only sampling uses are refused', async () => {
    const refuse = (options: object, words: RegExp) => refused(() => misc.reply(input, options), words)
    await refuse({ numBeams: 2, doSample: true }, /^doSample true and numBeams 2 contradict each other/)
    await refuse({ numBeams: 2, temperature: 1 }, /^temperature and numBeams 2 contradict each other/)
    await refuse({ numBeams: 2, numReturnSequences: 3 }, /^numReturnSequences 3 is more than numBeams 2/)
    await refuse({ numReturnSequences: 3 }, /^numReturnSequences 3 is more than numBeams 1/)
  })

  engine('the caller’s strategy: a name, or a mixture', async () => {
    const named = await misc.reply(input, { ...SHORT, strategy: 'Information' })
    assert.equal([named.strategy!.probs.Information, named.strategy!.probs.Question], [1, 0])
    assert.is(named.strategy!.predicted, first.strategy!.predicted)
    const own = STRATEGIES.map((_, i) => (i === 2 ? 1 : 0))
    assert.equal((await misc.reply(input, { ...SHORT, strategy: own })).ids, named.ids)
  })

  engine('no blocks, one word, no word, and as long as it can be', async () => {
    const { dialogue } = input
    assert.is((await misc.reply({ dialogue }, SHORT)).ids.length, 12)
    assert.is((await misc.reply(saying('hi'), SHORT)).ids.length, 12)
    assert.is((await misc.reply(saying(''), SHORT)).ids.length, 12)
    const full = { ids: { context: [CLS, ...new Array(MAX_POSITIONS - 1).fill(7)] } }
    const longest = await misc.reply(full, { seed: 1, minLength: 999, penalizeContext: true })
    assert.equal([longest.ids.length, longest.finishReason], [MAX_POSITIONS, 'length'])
  })

  engine('what is cut of a dialogue is told, by a reply and by encode', async () => {
    assert.equal([first.cut, first.crisis], [{ utterances: 0, ids: 0 }, false])
    const long = saying('i am sad . '.repeat(1000))
    const talk = { dialogue: [...input.dialogue, ...long.dialogue] }
    // 4000 ids and EOS, of which the model with 48 positions reads 47; the first three utterances are 4, 6 and 5 ids.
    const [alone, after, encoded] = await Promise.all([
      misc.reply(long, SHORT),
      misc.reply(talk, SHORT),
      misc.encode(talk),
    ])
    assert.equal(alone.cut, { utterances: 0, ids: 4001 - 47 })
    assert.equal(after.cut, { utterances: 3, ids: 4001 - 47 + 17 })
    assert.equal(encoded.cut, after.cut)
    // What is left of both is the same, and something.
    assert.equal(after.ids, alone.ids)
    const glad = await misc.encode(saying('i am glad . '.repeat(1000)))
    assert.not.equal(glad.strategy, encoded.strategy)
    assert.equal((await misc.reply({ ids: { context: [CLS, 7] } }, SHORT)).cut, { utterances: 0, ids: 0 })
  })

  engine('a crisis in the seeker’s words is told, and changes nothing', async () => {
    const dialogue = saying('i want to kill myself').dialogue
    const dire = await misc.reply({ dialogue }, SHORT)
    assert.is(dire.crisis, true)
    assert.is((await misc.reply({ ...saying('hi'), situation: 'i was raped' }, SHORT)).crisis, true)
    assert.is((await misc.reply({ dialogue: [{ ...dialogue[0]!, speaker: 'supporter' }] }, SHORT)).crisis, false)
    // The same words as ids give the same reply; ids are not looked at.
    const tokenizer = await Tokenizer.load(folder)
    const context = [CLS, ...(await tokenizer.encode('i want to kill myself')), tokenizer.eosId]
    const { ids, crisis } = await misc.reply({ ids: { context } }, SHORT)
    assert.equal([ids, crisis], [dire.ids, false])
  })

  engine('ids give the reply that their text gives', async () => {
    const { blocks } = await misc.encode({ ids: { context: [CLS], post: [[CLS - 5]], situation: [[7]] } })
    assert.equal([blocks.post[0]!.relation, blocks.post[0]!.tail, blocks.post[0]!.weight], ['xReact', '', 1])
    assert.equal([blocks.situation[0]!.relation, blocks.situation[0]!.tail], [undefined, 'the'])
    const text = { ...saying(''), blocks: { post: [{ relation: 'xReact' as const, tail: 'the' }], situation: [] } }
    const ids = { ids: { context: [CLS, 2], post: [[CLS - 5, 7]] } }
    assert.equal((await misc.reply(ids, SHORT)).ids, (await misc.reply(text, SHORT)).ids)
  })

  engine('encode: the mixture of the reply; each source’s attention adds up to 1', async () => {
    const { strategy, blocks } = await misc.encode(input)
    assert.equal(strategy, first.strategy)
    assert.equal(
      blocks.post.map(({ relation, tail }) => ({ relation, tail })),
      input.blocks!.post,
    )
    for (const source of [blocks.post, blocks.situation]) {
      assert.ok(Math.abs(source.reduce((sum, { weight }) => sum + weight, 0) - 1) < 1e-5)
    }
    assert.equal((await misc.encode(saying('hi'))).blocks, { post: [], situation: [] })
  })

  engine('encode while replies are drawn disturbs neither', async () => {
    const [reply, encoding, again] = await Promise.all([
      misc.reply(input, SHORT),
      misc.encode(input),
      misc.reply(input, SHORT),
    ])
    assert.equal([reply.ids, again.ids, encoding.strategy], [first.ids, first.ids, first.strategy])
  })

  engine('two engines side by side; disposing of one leaves the other whole', async () => {
    const other = await Misc.load(folder, { adapter, tune: false })
    const [a, b] = await Promise.all([misc.reply(input, SHORT), other.reply(input, SHORT)])
    assert.equal([a.ids, b.ids], [first.ids, first.ids])

    const pending = [other.reply(input), other.replies([input, input]), other.stream(input).next(), other.encode(input)]
    pending.push(other.reply(input, { numBeams: 3 }))
    const ended = pending.map((it) => rejected(it, DisposedError))
    await Promise.all([other.dispose(), other.dispose()])
    await Promise.all(ended)
    await rejected(other.reply(input), DisposedError)
    await rejected(other.encode(input), DisposedError)
    await rejected(other.reply(input, { numBeams: 3 }), DisposedError)
    await rejected(other.stream(input).next(), DisposedError)
    assert.equal((await misc.reply(input, SHORT)).ids, first.ids)
  })
  engine.run()
}

const inferred = suite('engine/misc, blocks inferred')
const comet = await tinyComet()
const withComet = { adapter: testAdapters[0]!, tune: false, comet: pathToFileURL(comet) } as const
/** It has met no text where a test begins. */
let ofAll: Misc
inferred.before(async () => {
  ofAll = await Misc.load(folder, withComet)
})
inferred.before.each(() => ofAll.forget())
inferred.after(() => ofAll.dispose())
const bare: DialogueInput = { situation: input.situation!, dialogue: input.dialogue }

/** Has every COMET tell what it is asked, `post|situation`, and answer not before the gate opens. */
async function spied(
  work: (asked: string[]) => Promise<void>,
  gate: Promise<unknown> = Promise.resolve(),
): Promise<void> {
  const { answer } = Comet.prototype
  const asked: string[] = []
  Comet.prototype.answer = async function (questions, ...rest) {
    asked.push(questions.map(({ event }) => event).join('|'))
    await gate
    return answer.call(this, questions, ...rest)
  }
  try {
    await work(asked)
  } finally {
    Comet.prototype.answer = answer
  }
}

function gate(): { readonly closed: Promise<void>; open(): void } {
  let open = () => {}
  const closed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { closed, open: () => open() }
}

inferred('bare text: what the COMET says of post and situation, with its source; as if it had been given', async () => {
  const misc = ofAll
  assert.ok(misc.writesBlocks && misc.loadTimings.cometMs > 0)
  await using alone = await Comet.load(comet, { adapter: testAdapters[0]! })
  const [post, situation] = await alone.tails(['i lost my job', 'I lost my job'])
  const blocksOf = (tails: typeof post, source: 'post' | 'situation') => {
    const texts = Object.entries(tails!.tails).map(([name, list]) => [name, list.map(({ text }) => text)] as const)
    return cometBlocks(Object.fromEntries(texts), source)
  }
  const blocks = { post: blocksOf(post, 'post'), situation: blocksOf(situation, 'situation') }
  assert.ok(blocks.post.length > 9 && blocks.situation.length > 6)
  const reply = await misc.reply(bare, SHORT)
  const marked = (source: 'given' | 'inferred') => ({
    post: blocks.post.map((it) => ({ ...it, source })),
    situation: blocks.situation.map((it) => ({ ...it, source })),
  })
  assert.equal(reply.blocks, marked('inferred'))
  assert.ok(reply.blocks.situation.every(({ relation }) => blockRelations.situation.includes(relation!)))
  const { readMs, encodeMs, firstTokenMs } = reply.timings
  assert.ok(readMs > 0 && firstTokenMs > readMs + encodeMs * 0.5, JSON.stringify(reply.timings))
  const given = await misc.reply({ ...bare, blocks }, SHORT)
  assert.equal(given.blocks, marked('given'))
  assert.equal([given.ids, given.strategy], [reply.ids, reply.strategy])

  const encoded = await misc.encode(bare)
  for (const source of ['post', 'situation'] as const) {
    assert.equal(
      encoded.blocks[source].map(({ weight, ...block }) => block),
      reply.blocks[source],
    )
    assert.ok(Math.abs(encoded.blocks[source].reduce((sum, { weight }) => sum + weight, 0) - 1) < 1e-5)
  }
  const { value } = await misc.stream(bare, SHORT).next()
  assert.ok(reply.text.startsWith((value as { text: string }).text))
})

inferred('blocks that are given, also none, are left alone; so are ids', async () => {
  const misc = ofAll
  await spied(async (asked) => {
    const given = await misc.reply(input, SHORT)
    assert.equal(given.ids, firstIds[0])
    assert.equal(
      given.blocks.post,
      input.blocks!.post.map((it) => ({ ...it, source: 'given' })),
    )
    const none = { post: [], situation: [] }
    assert.equal((await misc.reply({ ...bare, blocks: none }, SHORT)).blocks, none)
    assert.equal((await misc.encode({ ...bare, blocks: none })).blocks, none)
    assert.equal((await misc.reply({ ids: { context: [CLS, 7] } }, SHORT)).blocks, none)
    assert.equal((await misc.reply({ dialogue: [{ speaker: 'supporter', text: 'hi' }] }, SHORT)).blocks, none)
    assert.equal(asked, [])
  })
})

inferred('a COMET beside the model’s files; false leaves it out', async () => {
  const model = tempFolder()
  cpSync(folder, model, { recursive: true })
  cpSync(comet, join(model, 'comet'), { recursive: true })
  const stages: string[] = []
  const onProgress = (_: number, __: number, stage: string) => stages.at(-1) !== stage && void stages.push(stage)
  const { comet: _, ...options } = withComet
  await using beside = await Misc.load(model, { ...options, onProgress })
  await using without = await Misc.load(model, { ...options, comet: false })
  assert.equal([beside.writesBlocks, without.writesBlocks, without.loadTimings.cometMs], [true, false, 0])
  assert.equal([stages[0], stages.at(-1)], ['weights', 'comet'])
  const [inferred, none] = await Promise.all([beside.reply(bare, SHORT), without.reply(bare, SHORT)])
  assert.ok(inferred.blocks.post.length > 9)
  assert.equal(none.blocks, { post: [], situation: [] })
  assert.equal((await ofAll.reply(bare, SHORT)).ids, inferred.ids)
})

inferred('a folder that is no COMET is named, before a device is opened', async () => {
  const load = (comet: string | URL) => Misc.load(folder, { adapter: 'no such adapter', comet })
  await refused(() => load('/no/such'), /^\/no\/such: no such folder/)
  await refused(() => load(folder), new RegExp(`^${folder}: holds MISC's paper variant, which is no COMET`))
  await refused(() => load(true as never), /^comet must be a path or a file URL, got true/)
  const empty = tempFolder()
  await refused(() => load(empty), new RegExp(`^${empty}: has no config.json`))
})

inferred('a text seen before is not asked again, and of one that many ask for at once once', async () => {
  const misc = ofAll
  await spied(async (asked) => {
    const [a, b, c] = await misc.replies([bare, bare, { ...bare, situation: 'I am ill' }], SHORT)
    assert.equal(asked, ['i lost my job|I lost my job', 'I am ill'])
    assert.equal([a!.ids, c!.blocks.post], [b!.ids, a!.blocks.post])
    await misc.encode(bare)
    assert.equal((await misc.reply(bare, SHORT)).ids, a!.ids)
    assert.is(asked.length, 2)
  })
})

inferred('an abort amid an inference ends the reply at once, and the next has what was under way', async () => {
  const misc = ofAll
  const { closed, open } = gate()
  await spied(async (asked) => {
    const stop = new AbortController()
    const pending = misc.reply(bare, { ...SHORT, signal: stop.signal })
    const searched = misc.reply(bare, { numBeams: 2, signal: stop.signal })
    stop.abort()
    for (const { finishReason, ids, text, strategy, blocks } of await Promise.all([pending, searched])) {
      const none = { post: [], situation: [] }
      assert.equal([finishReason, ids, text, strategy, blocks], ['aborted', [], '', undefined, none])
    }
    const next = misc.reply(bare, SHORT)
    open()
    assert.ok((await next).blocks.post.length > 9)
    assert.is((await next).ids.length, 12)
    assert.is(asked.length, 1)
  }, closed)
  // Without anything in between: some moment of a search on the GPU.
  const fresh = { ...bare, situation: 'I was robbed' }
  const stopped = await misc.reply(fresh, { ...SHORT, signal: AbortSignal.timeout(5) })
  assert.is(stopped.finishReason, 'aborted')
  assert.is((await misc.reply(fresh, SHORT)).finishReason, 'length')
})

inferred('no more texts are read at once than replies may be drawn or wait', async () => {
  await using misc = await Misc.load(folder, { ...withComet, maxBatch: 1, maxQueue: 1 })
  const { closed, open } = gate()
  await spied(async () => {
    const two = [misc.reply(bare, SHORT), misc.reply(saying('hi'), SHORT)]
    await rejected(misc.reply(saying('no'), SHORT), QueueFullError)
    open()
    for (const { ids } of await Promise.all(two)) assert.is(ids.length, 12)
  }, closed)
  assert.is((await misc.reply(saying('no'), SHORT)).ids.length, 12)
})

inferred('disposed amid an inference: its replies reject, and the process ends', () => {
  const script = `
    import { Misc } from './src/index.ts'
    const [folder, comet, adapter] = process.argv.slice(1)
    const misc = await Misc.load(folder, { adapter, comet, tune: false })
    const dialogue = [{ speaker: 'seeker', text: 'i lost my job' }]
    const pending = [misc.reply({ dialogue }), misc.encode({ dialogue, situation: 'ill' }), misc.stream({ dialogue }).next()]
    const ended = Promise.allSettled(pending)
    await new Promise((resolve) => setTimeout(resolve, 5))
    await misc.dispose()
    console.log((await ended).map(({ reason }) => reason?.name).join())
    await misc.reply({ dialogue }).catch(({ name }) => console.log(name))
  `
  const args = ['--import', 'tsx', '--input-type=module', '-e', script, folder, comet, testAdapters[0]!]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', timeout: 60_000 })
  assert.equal([status, stdout], [0, `${Array(3).fill('DisposedError')}\nDisposedError\n`], stderr)
})

inferred('misc-mini: a situation changes replies, and not the mixture, as eq. 5 reads the context alone', async () => {
  await using misc = await Misc.load(packagedModel(), { adapter: testAdapters[0]!, tune: false })
  const { dialogue } = saying('i do not know what to do any more')
  const situations = ['my girlfriend left me for my best friend', 'i failed my exam', undefined]
  const drawn = (options: object) =>
    Promise.all(
      situations.map((situation) => {
        const asked = { dialogue, ...(situation && { situation }) }
        return Promise.all([1, 2].map((seed) => misc.reply(asked, { ...options, seed, maxNewTokens: 16 })))
      }),
    )
  const texts = (all: readonly Reply[][]) => all.map((replies) => replies.map(({ text }) => text).join('\n'))
  const usual = await drawn({ topP: 0.95, topK: 0 })
  const [one, , none] = texts(usual)
  assert.is.not(one, none)
  for (const { strategy, blocks } of usual.flat()) {
    assert.equal([strategy, blocks.post], [usual[0]![0]!.strategy, usual[0]![0]!.blocks.post])
  }
  assert.ok(usual[0]![0]!.blocks.situation.length > 0 && usual[2]![0]!.blocks.situation.length === 0)
  // comet-mini's tails of any two situations are much alike: which of them it is moves probabilities a little, which only
  // draws from all ids show.
  const wide = texts(await drawn({ topP: 1, topK: 0, temperature: 1.5 }))
  assert.is(new Set(wide).size, situations.length, wide.join('\n\n'))
})

inferred.run()

const load = suite('engine/misc, load')

load('the reply is the same on every adapter', () => {
  for (const ids of firstIds) assert.equal(ids, firstIds[0])
})

load('a full queue refuses; replies asked for together then stop together', async () => {
  await using misc = await Misc.load(folder, { adapter: testAdapters[0]!, maxQueue: 0 })
  const long = { seed: 1, minLength: MAX_POSITIONS }
  // Ids enter the queue at once; text waits for the tokenizer, meanwhile a reply may end.
  const hi = { ids: { context: [4, CLS] } }
  await rejected(misc.replies(Array(17).fill(hi), long), QueueFullError)
  const all = await misc.replies(Array(16).fill(hi), long)
  for (const { ids } of all) assert.equal(ids, all[0]!.ids)
  assert.equal((await misc.reply(input, SHORT)).ids, firstIds[0])
})

load('maxBatch replies are drawn at once, more wait, and each is what it is alone', async () => {
  await using misc = await Misc.load(folder, { adapter: testAdapters[0]!, maxBatch: 3, maxQueue: 1, tune: false })
  const hi = { ids: { context: [4, CLS] } }
  await rejected(misc.replies(Array(5).fill(hi), SHORT), QueueFullError)
  const [alone] = await misc.replies([hi], SHORT)
  for (const { ids } of await misc.replies(Array(4).fill(hi), SHORT)) assert.equal(ids, alone!.ids)
})

load('weights in f16 and int8 draw whole replies, with nearly the mixture of f32', async () => {
  for (const [dtype, most] of [
    ['f16', 1e-3],
    ['int8', 2e-2],
  ] as const) {
    await using misc = await Misc.load(folder, { adapter: testAdapters[0]!, dtype, tune: false })
    assert.is((await misc.reply(input, SHORT)).ids.length, 12)
    const { probs } = (await misc.encode(input)).strategy
    const errors = STRATEGIES.map((name) => Math.abs(probs[name] - mixture[name]!))
    assert.ok(Math.max(...errors) > 0 && Math.max(...errors) <= most, `${dtype}: ${errors}`)
  }
})

load("a repository in Hugging Face's cache loads, its generation_config.json too", async () => {
  const model = tempFolder()
  cpSync(folder, model, { recursive: true })
  writeFileSync(join(model, 'generation_config.json'), '{"max_length": 5, "num_beams": 3, "do_sample": false}')
  await using misc = await Misc.load(hubRepository(model).path, { adapter: testAdapters[0]!, tune: false })
  const { ids, finishReason } = await misc.reply(input, { seed: 1, minLength: 5, doSample: true })
  assert.equal([ids.length, finishReason], [4, 'length'])
  // The last of the beams' ids is the end.
  const found = await misc.reply(input)
  assert.equal([found.ids.length, found.finishReason], [3, 'length'])
  assert.ok(found.score! < 0)
})

load('what cannot be loaded is named', async () => {
  await refused(() => Misc.load(pathToFileURL('/no/such folder')), /\/no\/such folder: no such folder/)
  await refused(
    () => Misc.load(new URL('https://example.org/model')),
    /model folder .* "https:\/\/example\.org\/model"/,
  )
  await refused(() => Misc.load(new URL('file:///a%2Fb')), /model folder .* "file:\/\/\/a%2Fb"/)
  for (const wrong of [7, null, '', {}, ['x'], 'a\0b'] as never[]) {
    await refused(() => Misc.load(wrong), /^the model folder must be a path or a file URL, got /)
  }
  await refused(() => Misc.load('no/such/folder'), /^no\/such\/folder: no such folder/)
  await refused(() => Misc.load(folder, { adaptor: 'x' } as object), /unknown load option "adaptor"/)
  await refused(() => Misc.load(folder, { dtype: 'f64' } as object), /dtype must be one of f32, f16, int8, got "f64"/)
  for (const maxBatch of [0, 1.5, 1025, '4' as unknown as number]) {
    await refused(() => Misc.load(folder, { maxBatch }), /maxBatch must be a whole number from 1 to 1024, got /)
  }
  await refused(() => Misc.load(folder, { maxQueue: -1 }), /maxQueue must be a whole number of 0 or more, got -1/)
  await rejected(Misc.load(folder, { adapter: 'no such adapter' }), NoAdapterError)
})

load.run()
