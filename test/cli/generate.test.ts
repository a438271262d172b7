import { truncateSync, writeFileSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EMPATHETIC_EMOTIONS, ESCONV_EMOTIONS } from '../../src/text/emotions.js'
import { STRATEGIES } from '../../src/text/strategies.js'
import { tinyComet } from '../comet-models.js'
import { saying, tinyModel } from '../engine-model.js'
import { testAdapters } from '../gpu.js'
import { listenersModel } from '../listeners-models.js'
import { tempFolder } from '../temp.js'
import { misc } from './in-process.js'
import { type Outcome, runMisc } from './misc-process.js'

const folder = await tinyModel()
const files = tempFolder()
const adapter = testAdapters[0]!
const good = inputFile('good.json', saying('hi, i am sad'))

function inputFile(name: string, content: unknown): string {
  const path = join(files, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

/** A driver that compiles kernels for longer than a second has loading show its progress, which is left out here. */
async function generate(input: string, ...flags: string[]): Promise<Outcome> {
  const outcome = await misc(['generate', folder, '--input', input, '--adapter', adapter, ...flags])
  return {
    ...outcome,
    stderr: outcome.stderr.replaceAll(/^(?:loading the (?:model|COMET)|compiling .*): [\d.]+ of [\d.]+ \w+\n/gm, ''),
  }
}

const command = suite('misc generate')

command('--json prints one document, the same for the same seed', async () => {
  const flags = ['--seed', '7', '--max_new_tokens', '6', '--json']
  const { stdout, stderr, status } = await generate(good, ...flags)
  assert.equal([stderr, status, stdout.split('\n').length], ['', 0, 2])
  const reply = JSON.parse(stdout)
  const keys = ['text', 'ids', 'strategy', 'finish_reason', 'blocks', 'cut', 'crisis', 'timings', 'adapter', 'seed']
  assert.equal(Object.keys(reply), keys)
  assert.equal([reply.cut, reply.crisis], [{ utterances: 0, ids: 0 }, false])
  assert.equal(reply.blocks, { post: [], situation: [] })
  assert.equal([reply.ids.length, reply.finish_reason, reply.adapter, reply.seed], [6, 'length', adapter, 7])
  assert.equal(Object.keys(reply.strategy), ['probs', 'predicted'])
  assert.equal(Object.keys(reply.strategy.probs), [...STRATEGIES])
  assert.equal(Object.keys(reply.timings), ['read_ms', 'encode_ms', 'first_token_ms', 'per_token_ms', 'load_ms'])
  assert.equal(Object.keys(reply.timings.load_ms), ['adapter', 'weights', 'compile', 'comet'])
  assert.is(reply.timings.load_ms.comet, 0)
  assert.equal(Object.keys(reply.timings.per_token_ms), ['median', 'p95'])

  const text = JSON.stringify(saying('hi, i am sad'))
  const again = await runMisc(['generate', folder, '--input', '-', '--adapter', adapter, ...flags], text)
  assert.equal(JSON.parse(again.stdout).ids, reply.ids)
})

command('with beams the score, and all sequences asked for', async () => {
  const flags = ['--num-beams', '3', '--max-new-tokens', '6', '--length-penalty', '2', '--early-stopping']
  const { stdout, stderr, status } = await generate(good, ...flags, '--num_return_sequences', '2', '--json')
  assert.equal([stderr, status], ['', 0])
  const reply = JSON.parse(stdout)
  assert.equal(Object.keys(reply).slice(3, 6), ['finish_reason', 'score', 'sequences'])
  assert.equal(Object.keys(reply.sequences[1]), ['text', 'ids', 'score', 'finish_reason'])
  const { text, ids, score, finish_reason, sequences } = reply
  assert.equal(sequences[0], { text, ids, score, finish_reason })
  assert.is(sequences.length, 2)
  const people = await generate(good, ...flags)
  assert.is(people.stdout, `${text}\n`)
  assert.match(people.stderr, /score {7}-\d+\.\d{4}, the best that the beams found\n/)
  const bad = await generate(good, ...flags, '--top-p', '0.5')
  assert.equal([bad.status, bad.stdout], [2, ''])
  assert.match(bad.stderr, /^misc: --top-p and --num-beams 3 contradict each other: [^\n]*\n$/)
})

command('for people: the text on stdout, all else on stderr', async () => {
  const { stdout, stderr, status } = await generate(
    good,
    '--max-new-tokens',
    '6',
    '--strategy',
    'Question',
    '--transcript',
  )
  assert.is(status, 0)
  assert.match(stdout, /^\S.*\n$/)
  assert.match(stderr, /no therapy, no crisis service/)
  assert.match(stderr, /seeker: hi, i am sad/)
  assert.match(stderr, /strategies {2}Question 100%/)
  assert.match(stderr, /blocks {6}none\n/)
  assert.match(stderr, /ended by {4}length, after 6 ids; seed \d+\n/)
  assert.match(stderr, /loading {5}adapter [\d.]+ ms, weights [\d.]+ ms, compiling [\d.]+ ms, COMET 0\.0 ms\n/)
  assert.match(stderr, /timings {5}read [\d.]+ ms, encode [\d.]+ ms, first id [\d.]+ ms, then [\d.]+ ms each\n/)
  assert.ok(stderr.includes(adapter))
})

command('what is cut, what a situation does without blocks, and a crisis are told', async () => {
  const { dialogue } = saying(`i want to die ${'a '.repeat(60)}`)
  const input = inputFile('dire.json', { situation: 'no job', dialogue: [...saying('hi').dialogue, ...dialogue] })
  const flags = ['--seed', '1', '--max-new-tokens', '2']
  const json = await generate(input, ...flags, '--json')
  const people = await generate(input, ...flags)
  const { cut, crisis } = JSON.parse(json.stdout)
  // Read were "hi", 64 ids and two EOS; 48 positions have room for 46 of them, EOS and [CLS].
  assert.equal([cut, crisis], [{ utterances: 1, ids: 20 }, true])
  const notes = [
    'note: the situation takes part through commonsense blocks about it alone; there are none, ' +
      'and no COMET writes any, so it changes nothing\n',
    'note: the dialogue is longer than the 48 ids that the model reads; ' +
      'left out of its oldest part: whole utterances 1, ids in all 20\n',
  ]
  assert.is(json.stderr, notes.join(''))
  for (const note of notes) assert.ok(people.stderr.includes(note), people.stderr)
  assert.match(people.stderr, /^You do not have to go through this alone\./)
  const { text } = JSON.parse(json.stdout)
  assert.is(people.stdout, `${text}\n`)
})

command('a baseline tells emotions and listeners, where it has any', async () => {
  const of = (model: string, ...flags: string[]) =>
    misc(['generate', model, '--input', good, '--adapter', adapter, '--max-new-tokens', '5', ...flags])
  const [moel, mime, people] = [
    await of(listenersModel('moel-tiny'), '--json', '--seed', '3'),
    await of(
      listenersModel('mime-tiny'),
      '--json',
      '--seed',
      '3',
      '--noise',
      'zero',
      '--roles',
      'parity',
      '--tokenized',
    ),
    await of(listenersModel('transformer-tiny'), '--min-length', '6'),
  ]
  const [ofMoel, ofMime] = [JSON.parse(moel.stdout), JSON.parse(mime.stdout)]
  const keys = ['finish_reason', 'cut', 'crisis', 'timings', 'adapter', 'seed']
  assert.equal(Object.keys(ofMoel), ['text', 'ids', 'emotion', 'listeners', ...keys])
  assert.equal(Object.keys(ofMime), ['text', 'ids', 'emotion', ...keys])
  assert.equal(Object.keys(ofMoel.emotion), ['probs', 'predicted'])
  assert.equal(Object.keys(ofMoel.listeners), [...ESCONV_EMOTIONS])
  assert.equal(Object.keys(ofMime.emotion.probs), [...EMPATHETIC_EMOTIONS])
  assert.match(people.stdout, /^\S+( \S+)*\n$/)
  assert.match(people.stderr, /emotions {4}\w+ \d+%, \w+ \d+%, \w+ \d+%\nended by {4}/)
  assert.not.match(people.stderr, /blocks|strategies/)
  const refused = await of(listenersModel('mime-tiny'), '--strategy', 'Question')
  assert.equal([refused.status, refused.stdout], [2, ''])
})

command('Ctrl-C ends the reply and prints what there is', async () => {
  const long = await tinyModel(2048)
  const args = ['generate', long, '--input', good, '--adapter', adapter, '--seed', '1']
  const flags = ['--max-length', '2049', '--min-length', '2049']
  const interrupted = await runMisc([...args, ...flags], '', (child) => {
    if (!child.killed) child.kill('SIGINT')
  })
  assert.is(interrupted.status, 130)
  assert.match(interrupted.stdout, /^\S.*\n$/)
  assert.match(interrupted.stderr, /ended by {4}aborted, after \d{1,3} ids; seed 1\n/)
})

command(
  '--comet writes the blocks of bare text, of both sources; blocks that are given stay, and --no-comet writes none',
  async () => {
    const bare = inputFile('bare.json', { ...saying('i lost my job'), situation: 'i am ill' })
    const given = { post: [{ relation: 'xReact', tail: 'sad' }] }
    const some = inputFile('some.json', { ...saying('i lost my job'), situation: 'i am ill', blocks: given })
    const comet = ['--comet', await tinyComet(), '--seed', '1', '--max-new-tokens', '6']
    const json = await generate(bare, ...comet, '--json')
    const people = await generate(bare, ...comet)
    const stay = await generate(some, ...comet, '--json')
    const none = await generate(bare, '--no-comet', '--max-new-tokens', '2', '--json')
    assert.equal([json.stderr, people.status], ['', 0])
    const { blocks, timings, text } = JSON.parse(json.stdout)
    assert.ok(blocks.post.length > 9 && blocks.situation.length > 6)
    assert.equal(Object.keys(blocks.post[0]), ['relation', 'tail', 'source'])
    for (const { source } of [...blocks.post, ...blocks.situation]) assert.is(source, 'inferred')
    assert.ok(timings.load_ms.comet > 0 && timings.read_ms > 0)
    assert.is(people.stdout, `${text}\n`)
    const counted = `${blocks.post.length} of the last post, ${blocks.situation.length} of the situation; inferred`
    assert.ok(people.stderr.includes(`blocks      ${counted}\n`), people.stderr)
    // No block is about the situation, and none will be.
    const notice = /^note: the situation takes part .* it changes nothing\n$/
    assert.equal(JSON.parse(stay.stdout).blocks, { post: [{ ...given.post[0], source: 'given' }], situation: [] })
    assert.equal(JSON.parse(none.stdout).blocks, { post: [], situation: [] })
    for (const { stderr } of [stay, none]) assert.match(stderr, notice)
  },
)

command('the packaged COMET writes the blocks of the packaged model', async () => {
  const args = ['generate', '--input', good, '--adapter', adapter, '--max-new-tokens', '2', '--json']
  const usual = await misc(args)
  const none = await misc([...args, '--no-comet'])
  assert.ok(JSON.parse(usual.stdout).blocks.post.length > 9)
  assert.equal(JSON.parse(none.stdout).blocks, { post: [], situation: [] })
})

command('a COMET that is none is refused in one line that names it', async () => {
  const outcomes = await Promise.all(['/no/such', folder, ''].map((comet) => generate(good, '--comet', comet)))
  const words = [/\/no\/such: no such folder/, /holds MISC's paper variant, which is no COMET/, /comet must be a path/]
  for (const [i, { stdout, stderr, status }] of outcomes.entries()) {
    assert.equal([status, stdout], [2, ''])
    assert.match(stderr, /^misc: [^\n]*\n$/)
    assert.match(stderr, words[i]!)
  }
})

command('bad usage and bad input end with 2 and one line', async () => {
  const cases: [string[], RegExp][] = [
    [[inputFile('a.json', '{"dialogue": [')], /a\.json: not JSON/],
    [[inputFile('b.json', { dialogue: [] })], /dialogue: expected at least one utterance/],
    [[inputFile('c.json', { ids: { context: [5773] } })], /ids\.context\[0\] is 5773, expected an id from 0 to 5772/],
    [[inputFile('d.json', { ids: { context: new Array(49).fill(7) } })], /ids\.context has 49 ids.* 48/],
    [[good, '--strategy', 'Pity'], /unknown strategy "Pity"; the strategies are: Question, /],
    [[good, '--temperature', 'NaN'], /--temperature must be a number above 0, got "NaN"/],
  ]
  const outcomes = await Promise.all(cases.map(([[input, ...flags]]) => generate(input!, ...flags)))
  for (const [i, { stdout, stderr, status }] of outcomes.entries()) {
    assert.equal([status, stdout], [2, ''], stderr)
    assert.match(stderr, /^misc: [^\n]*\n$/)
    assert.match(stderr, cases[i]![1])
  }
  assert.is((await misc(['generate', folder])).status, 2)
})

command('JSON on stdin that is not UTF-8 is refused, not drawn from', async () => {
  const latin = Buffer.from('{"dialogue":\n[{"speaker": "seeker", "text": "caf\xe9"}]}', 'latin1')
  const { stdout, stderr, status } = await misc(['generate', folder, '--input', '-'], latin)
  assert.equal([status, stdout], [2, ''])
  assert.match(stderr, /^misc: stdin: not UTF-8 text: line 2, byte 36 is 0xE9; [^\n]*\n$/)
})

command('a bad flag is told before a model is loaded; what only sampling uses is not checked without it', async () => {
  const of = async (...flags: string[]) => (await misc(['generate', 'no/such/model', '--input', good, ...flags])).stderr
  assert.match(await of('--temperature', '0'), /^misc: --temperature must be a number above 0, got 0/)
  assert.match(await of('--temperature', '0', '--no-do-sample'), /^misc: no\/such\/model/)
})

command('damaged weights end with 2, a missing adapter with 3', async () => {
  const damaged = tempFolder()
  await cp(folder, damaged, { recursive: true })
  truncateSync(join(damaged, 'model.safetensors'), 100_000)
  const bad = await misc(['generate', damaged, '--input', good, '--adapter', adapter, '--json'])
  assert.equal([bad.status, bad.stdout], [2, ''])
  assert.match(bad.stderr, /^misc: [^\n]*model\.safetensors[^\n]*\n$/)

  const none = await misc(['generate', folder, '--input', good, '--adapter', 'no such adapter'])
  assert.equal([none.status, none.stdout], [3, ''])
  assert.match(none.stderr, /^misc: [^\n]*no such adapter[^\n]*\n$/)
})

command('--help shows every decoding flag and examples', async () => {
  const { stdout } = await misc(['generate', '--help'])
  for (const flag of [
    '--top-p',
    '--repetition-penalty',
    '--max-new-tokens',
    '--seed',
    '--adapter',
    '--strategy',
    '--comet',
    '--no-comet',
  ]) {
    assert.ok(stdout.includes(flag), flag)
  }
  assert.match(stdout, /Examples:/)
})

command.run()
