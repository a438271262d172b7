import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BlockWriter } from '../../src/engine/block-writer.js'
import { Comet, type EventTails } from '../../src/engine/comet.js'
import { readConfig } from '../../src/engine/load-model.js'
import { packagedModel } from '../../src/platform/node/packaged-model.js'
import type { DialogueInput } from '../../src/text/dialogue.js'
import { RELATIONS, type RelationName } from '../../src/text/strategies.js'
import { saying } from '../engine-model.js'
import { testAdapters } from '../gpu.js'

const writer = suite('engine/block-writer')
const limits = { maxPostBlocks: 30, maxSituationBlocks: 20 }
type Answer = Comet['answer']

/** A COMET that says of each relation what it is asked, and what it was asked, batch by batch: `post|situation`. */
function fake(
  answer: Answer = async (questions) => questions.map(repeating),
  relations: readonly RelationName[] = RELATIONS,
) {
  const asked: string[] = []
  const told: Answer = (questions, ...rest) => {
    asked.push(questions.map(({ event }) => event).join('|'))
    return answer(questions, ...rest)
  }
  return { asked, comet: { answer: told, relations, idle: true } }
}

function repeating({ event, relations }: Parameters<Answer>[0][number]): EventTails {
  const tails = relations.map((relation) => [relation, [{ text: `${event} ${relation}`, score: -1 }]])
  return { event, tails: Object.fromEntries(tails), cut: 0 }
}

const said = (post: string, situation?: string): DialogueInput => ({
  ...saying(post),
  ...(situation !== undefined && { situation }),
})

writer('the seeker’s last post and the situation, in one batch and in the authors’ order', async () => {
  const { comet, asked } = fake()
  const blocks = new BlockWriter(comet, limits)
  const dialogue: DialogueInput['dialogue'] = [
    { speaker: 'seeker', text: 'before' },
    { speaker: 'seeker', text: ' last \n post ' },
    { speaker: 'supporter', text: 'oh' },
  ]
  const { post, situation } = (await blocks.write({ dialogue, situation: 'lost it' }))!
  assert.equal(asked, ['last post|lost it'])
  const order = ['xAttr', 'xEffect', 'xIntent', 'xNeed', 'xReact', 'xWant', 'oWant', 'oEffect', 'oReact']
  assert.equal(
    post,
    order.map((relation) => ({ relation, tail: `last post ${relation}` })),
  )
  assert.equal(
    situation,
    order.slice(0, 6).map((relation) => ({ relation, tail: `lost it ${relation}` })),
  )
  assert.equal(await blocks.write({ dialogue: dialogue.slice(2) }), { post: [], situation: [] })
  assert.equal(await blocks.write({ ...said(' '), situation: '\n' }), { post: [], situation: [] })
  assert.is(asked.length, 1)
})

writer('no more blocks than the model reads, and of relations that the COMET has', async () => {
  const many: Answer = async (questions) =>
    questions.map(({ event, relations }) => ({
      event,
      tails: Object.fromEntries(
        relations.map((it) => [it, ['none', 'a', 'b', 'A', 'c'].map((text) => ({ text, score: 0 }))]),
      ),
      cut: 0,
    }))
  const few = new BlockWriter(fake(many).comet, { maxPostBlocks: 12, maxSituationBlocks: 6 })
  const { post, situation } = (await few.write(said('p', 's')))!
  assert.equal([post.length, situation.length], [12, 6])
  assert.ok(situation.every(({ tail }) => tail === 'a'))
  const lacking = new BlockWriter(fake(undefined, ['xReact', 'oReact']).comet, limits)
  const found = (await lacking.write(said('p', 's')))!
  assert.equal([found.post.map((it) => it.relation), found.situation.length], [['xReact', 'oReact'], 1])
})

writer(
  'a text seen before is not asked again, whoever asks; a post and a situation of the same words are',
  async () => {
    const { comet, asked } = fake()
    const blocks = new BlockWriter(comet, limits)
    const both = await Promise.all([blocks.write(said('a', 'b')), blocks.write(said('a', 'b'))])
    assert.equal(both[0], both[1])
    assert.equal(await blocks.write(said('  a', 'b ')), both[0])
    assert.equal(asked, ['a|b'])
    await blocks.write(said('a', 'c'))
    await blocks.write(said('b', 'a'))
    assert.equal(asked, ['a|b', 'c', 'b|a'])
  },
)

writer('what is kept is bounded: the text unused for longest makes room, and long texts sooner', async () => {
  const { comet, asked } = fake()
  const blocks = new BlockWriter(comet, limits)
  await blocks.write(said('first'))
  await blocks.write(said('second', 'old'))
  for (let i = 0; i < 1021; i++) await blocks.write(said(`post ${i}`))
  const count = asked.length
  // 1,024 texts are kept; the first is now the youngest, and one more drops the second.
  await blocks.write(said('first'))
  await blocks.write(said('new', 'old'))
  assert.is(asked.length, count + 1)
  await blocks.write(said('first', 'old'))
  assert.is(asked.length, count + 1)
  await blocks.write(said('second'))
  assert.equal(asked.slice(count), ['new', 'second'])

  const long = (name: string) => name.repeat(100_000)
  for (const name of 'abcdefghij') await blocks.write(said(long(name)))
  const before = asked.length
  await blocks.write(said(long('j')))
  assert.is(asked.length, before)
  await blocks.write(said(long('a')))
  await blocks.write(said('first'))
  assert.is(asked.length, before + 2)
})

writer('what failed is asked again, and each who waits is told', async () => {
  let fails = true
  const { comet, asked } = fake(async (questions) => {
    if (fails) throw new Error('lost')
    return questions.map(repeating)
  })
  const blocks = new BlockWriter(comet, limits)
  const signal = new AbortController().signal
  const all = await Promise.allSettled([
    blocks.write(said('a', 'b'), { signal }),
    blocks.write(said('a')),
    blocks.write(said('c')),
  ])
  for (const it of all) assert.is(it.status === 'rejected' && it.reason.message, 'lost')
  fails = false
  assert.is((await blocks.write(said('a', 'b')))!.situation.length, 6)
  assert.equal(asked, ['a|b', 'c', 'a|b'])
})

writer('a signal lets go at once; what is under way is there for whoever asks next', async () => {
  let answer = (_: unknown) => {}
  const { comet, asked } = fake(async (questions) => {
    await new Promise((resolve) => {
      answer = resolve
    })
    return questions.map(repeating)
  })
  const blocks = new BlockWriter(comet, limits)
  assert.is(await blocks.write(said('a'), { signal: AbortSignal.abort() }), undefined)
  assert.equal(asked, [])
  const stop = new AbortController()
  const first = blocks.write(said('a'), { signal: stop.signal })
  stop.abort()
  assert.is(await first, undefined)
  const next = blocks.write(said('a'), { signal: new AbortController().signal })
  answer(0)
  assert.is((await next)!.post.length, 9)
  assert.equal(asked, ['a'])
})

writer('a signal that serves many replies keeps nothing of them', async () => {
  const blocks = new BlockWriter(fake().comet, limits)
  const listeners = new Set<unknown>()
  const { signal } = new AbortController()
  const [add, remove] = [signal.addEventListener, signal.removeEventListener]
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners.add(args[1])
    add.apply(signal, args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners.delete(args[1])
    remove.apply(signal, args)
  }
  const pending = blocks.write(said('x'), { signal })
  assert.is(listeners.size, 1)
  await pending
  assert.is(listeners.size, 0)
})

writer('comet-mini’s blocks: sorted, distinct, and as many as misc-mini reads', async () => {
  await using comet = await Comet.load(packagedModel('comet-mini'), { adapter: testAdapters[0]! })
  const blocks = new BlockWriter(comet, await readConfig(packagedModel()))
  const { post, situation } = (await blocks.write(said('i lost my job', 'my boss hates me')))!
  assert.ok(post.length > 20 && post.length <= 30 && situation.length > 10 && situation.length <= 20)
  for (const list of [post, situation]) {
    const order = list.map(({ relation }) => RELATIONS.indexOf(relation))
    assert.equal(
      order,
      order.toSorted((a, b) => a - b),
    )
    assert.is(new Set(list.map(({ relation, tail }) => `${relation} ${tail}`)).size, list.length)
  }
})

writer.run()
