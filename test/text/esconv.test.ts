import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { EsconvRow, Split } from '../../src/text/esconv-row.js'
import { pythonShuffle } from '../../src/text/python-shuffle.js'
import { readReplyRows } from '../../src/text/reply-rows.js'
import { readJsonLines } from '../fixtures.js'
import { sharedPath, skipWithoutShared } from '../shared.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const esconv = suite('text/esconv')

/** A folder with this file. */
function folder(name: string, text: string): string {
  const path = tempFolder()
  writeFileSync(join(path, name), text)
  return path
}

const lines = (conversations: readonly unknown[]) => conversations.map((it) => `${JSON.stringify(it)}\n`).join('')

/** Turns as ESConv's loaders write them. */
const loaded = (...turns: (readonly [speaker: string, text: string, strategy?: string])[]) => ({
  dialog: turns.map(([speaker, text, strategy]) => ({ speaker, text, strategy })),
})

/** A conversation as ESConv is published: its supporter says `reply`. */
const published = (reply: string, strategy = 'Question', names = ['seeker', 'supporter']) => ({
  experience_type: 'Previous Experience',
  emotion_type: 'fear',
  situation: 'exams',
  dialog: [
    { speaker: names[0], annotation: {}, content: 'i am low\n' },
    { speaker: names[1], annotation: { strategy }, content: reply },
    { speaker: names[0], annotation: { feedback: '4' }, content: 'so  it\nis' },
  ],
})

const replies = (rows: readonly EsconvRow[]) => rows.map(({ reply }) => reply.text)

esconv('every supporter’s turn after a seeker’s is a row, with all that was said before', async () => {
  const conversations = [
    loaded(['sys', 'hello'], ['usr', ' i am low '], ['sys', 'why?'], ['sys', '  '], ['sys', 'tell me']),
    loaded(['usr', 'hi'], ['sys', 'hey']),
  ]
  const path = folder('test.jsonl', lines(conversations))
  const found = await readReplyRows(path, 'test')
  assert.equal(
    found.map(({ context, reply }) => [context.map(({ text }) => text), reply.text]),
    [
      [['hello', 'i am low'], 'why?'],
      [['hello', 'i am low', 'why?', ''], 'tell me'],
      [['hi'], 'hey'],
    ],
  )
  assert.equal(
    found.map(({ place }) => place),
    [
      { turn: 3, of: 5 },
      { turn: 5, of: 5 },
      { turn: 2, of: 2 },
    ],
  )
  assert.is((await readReplyRows(path, 'test', 2)).length, 2)
})

esconv('as published: one file, or a conversation a line, whatever its name; strategies by any spelling', async () => {
  const conversations = [
    published('Why?', 'Questions'),
    published('Rest.', 'Providing Suggestions', ['speaker', 'listener']),
  ]
  const whole = JSON.stringify(conversations, null, 1)
  for (const [name, text] of [
    ['ESConv.json', whole],
    ['ESConv.json', lines(conversations)],
    ['ESConv.jsonl', lines(conversations)],
    ['train.jsonl', lines(conversations)],
    ['train.json', whole],
    ['train.txt', lines(conversations)],
  ] as const) {
    const path = folder(name, text)
    for (const data of [path, join(path, name)]) {
      const rows = await readReplyRows(data, 'train')
      assert.equal(replies(rows).sort(), ['Rest.', 'Why?'], name)
      const row = rows.find(({ reply }) => reply.text === 'Why?')!
      assert.equal(row.context, [{ speaker: 'seeker', strategy: null, text: 'i am low' }])
      assert.equal([row.reply.strategy, row.emotion, row.postBlocks, row.split], ['Question', 2, [], 'train'])
    }
  }
})

esconv('a split’s own file goes before one of all conversations', async () => {
  const path = folder('ESConv.json', JSON.stringify([published('all')]))
  writeFileSync(join(path, 'valid.jsonl'), lines([published('dev')]))
  assert.equal(replies(await readReplyRows(path, 'dev')), ['dev'])
  assert.equal(replies(await readReplyRows(path, 'train')), ['all'])
  await refused(() => readReplyRows(join(path, 'valid.jsonl'), 'test'), /another split than test.*--split dev/)
})

esconv('one file of all is split by conversation: 15 % dev, 15 % test, in the authors’ order', async () => {
  const path = folder('ESConv.json', JSON.stringify([...Array(20).keys()].map((i) => published(`${i}`))))
  const split = async (name: Split) => replies(await readReplyRows(path, name)).map(Number)
  // random.seed(13); random.shuffle of 20
  assert.equal(await split('dev'), [19, 6, 15])
  assert.equal(await split('test'), [16, 0, 18])
  assert.equal(await split('train'), [17, 14, 1, 12, 2, 11, 10, 3, 13, 4, 7, 5, 9, 8])
  assert.equal(
    (await readReplyRows(path, 'train', 2)).map(({ row }) => row),
    [0, 1],
  )
})

esconv('labels that are no strategy: null, and named once', async () => {
  const labelled = loaded(['usr', 'hi'], ['sys', '[Greeting] hello'], ['sys', '[Other] hm'])
  const path = folder(
    'test.jsonl',
    lines([published('Go.', 'Direct Guidance'), labelled, published('Go!', 'Direct Guidance')]),
  )
  const warnings: string[] = []
  const rows = await readReplyRows(path, 'test', Infinity, (message) => warnings.push(message))
  assert.equal(
    rows.map(({ reply }) => [reply.strategy, reply.text]),
    [
      [null, 'Go.'],
      [null, 'hello'],
      ['Others', 'hm'],
      [null, 'Go!'],
    ],
  )
  assert.is(warnings.length, 1)
  assert.match(warnings[0]!, /: 3 supporter turns .*"\[Direct Guidance\]" 2, "\[Greeting\]" 1$/)
})

esconv('what is wrong is named', async () => {
  const read = (text: string, name = 'test.jsonl') => readReplyRows(folder(name, text), 'test')
  await refused(() => read('{"dialog": []}\nno'), /test\.jsonl, line 2: not JSON/)
  await refused(() => read('[]'), /line 1: has no list “dialog”/)
  await refused(() => read('null'), /line 1: has no list “dialog”/)
  await refused(() => read('{"dialog": [{"speaker": "me", "text": "x"}]}'), /expected a turn of speaker usr or sys/)
  await refused(
    () => read('{"dialog": [{"speaker": "seeker", "annotation": {}}]}'),
    /seeker or supporter with its content/,
  )
  await refused(() => read('{"dialog": [null]}'), /got null/)
  await refused(() => read('[{"dialog": []}, 7]', 'test.json'), /test\.json, conversation 2: has no list “dialog”/)
  await refused(() => read('[{"dialog": ', 'test.json'), /test\.json: not JSON; a file of ESConv is a JSON list/)
  for (const text of ['', '{"dialog": []}']) await refused(() => read(text), /test\.jsonl: its test split has no rows/)
  // Two conversations are all train.
  await refused(() => read(lines([published('a'), published('b')]), 'ESConv.json'), /its test split has no rows/)
})

esconv('memory grows with the length of a conversation, not with its square', async () => {
  const turn = { speaker: 'sys', text: 'go on' }
  const dialog = [{ speaker: 'usr', text: 'hi' }, ...new Array(20_000).fill(turn)]
  const path = folder('test.jsonl', JSON.stringify({ dialog }))
  const before = process.memoryUsage().heapUsed
  const rows = await readReplyRows(path, 'test')
  // The contexts of all rows hold 200 million turns.
  assert.ok(process.memoryUsage().heapUsed - before < 2 ** 27)
  assert.is(rows.length, 20_000)
  assert.is(rows.at(-1)!.context.length, 20_000)
})

esconv.run()

const all = skipWithoutShared(suite('text/esconv, all'), 'the splits of ESConv')

all('the first rows of test are those that misc-mini was measured on', async () => {
  const found = await readReplyRows(sharedPath('data', 'esconv')!, 'test')
  // As its card counts them.
  assert.is(found.length, 2794)
  assert.is(found[0]!.reply.text.slice(0, 10), 'Okay. I am')
})

all('ESConv.json gives the rows of its three split files', async () => {
  const data = sharedPath('data', 'esconv')!
  const split = (name: string) => readJsonLines(join(data, `${name}.jsonl`))
  // The published file, put together again in its own order and form.
  const shuffled = [...split('valid'), ...split('test'), ...split('train')]
  const order = pythonShuffle(1300, 13)
  const original: unknown[] = []
  for (const [place, { dialog, ...rest }] of shuffled.entries()) {
    const turns = dialog as { speaker: string; text: string; strategy?: string }[]
    original[order[place]!] = {
      ...rest,
      dialog: turns.map(({ speaker, text, strategy }) => ({
        ...{ speaker: speaker === 'usr' ? 'seeker' : 'supporter', content: `${text}\n` },
        annotation: strategy === undefined ? {} : { strategy },
      })),
    }
  }
  // What ESConv.json is known to open with.
  assert.match((original[0] as { situation: string }).situation, /^I hate my job but I am scared to quit/)
  const path = folder('ESConv.json', JSON.stringify(original))
  for (const name of ['train', 'dev', 'test'] as const) {
    assert.equal(await readReplyRows(path, name), await readReplyRows(data, name))
  }
})

all.run()
