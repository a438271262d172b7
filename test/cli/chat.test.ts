import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { blenderbotModel } from '../blenderbot-model.js'
import { tinyComet } from '../comet-models.js'
import { tinyModel } from '../engine-model.js'
import { testAdapters } from '../gpu.js'
import { jointModel } from '../joint.js'
import { listenersModel } from '../listeners-models.js'
import { tempFolder } from '../temp.js'
import { compiledMain } from './compiled-main.js'
import { misc } from './in-process.js'
import { runMisc } from './misc-process.js'

const adapter = testAdapters[0]!
const flags = ['--adapter', adapter, '--seed', '1', '--max-new-tokens', '6']
const command = suite('misc chat')

command('piped: a line a turn, replies on stdout, words for people on stderr', async () => {
  const lines = [
    'hi, i am sad',
    '',
    '/strategy Question',
    '/mixture',
    '/situation i lost\u001b my job',
    'i lost my job',
    '/mixture',
    '/strategy Pity',
    '/strategy auto',
    '/reset',
    '/situation',
    `${'very '.repeat(50_000)}sad`,
    'a \u0000\u0007\u001b[31m\ud83d b \ud800',
    '   /help',
    'hi, i am sad',
    '/quit',
    'never read',
  ]
  const { stdout, stderr, status } = await runMisc(['chat', await tinyModel(), ...flags], lines.join('\n'))
  assert.is(status, 0, stderr)
  const replies = stdout.split('\n').slice(0, -1)
  assert.is(replies.length, 4, stdout)
  // The same seed, and nothing is left of the conversation that was reset but the odd line.
  assert.ok(replies.every((reply) => reply.length > 0))
  for (const said of [
    /no therapy, no crisis service/,
    /112, 911/,
    /Nothing you type is stored or sent/,
    /strategy: Question/,
    /Providing Suggestions +=+ +[\d.]+%( {2}likeliest)?\n/,
    /situation: i lost {2}my job\n\(the situation takes part .* it changes nothing\)\n/,
    /Question +={30} 100\.0%/,
    /unknown strategy "Pity"; the strategies are: /,
    /strategy: auto/,
    /a new conversation/,
    /no situation yet/,
    /250003 characters, more than the limit of 100000/,
    /\/reset +forget/,
  ]) {
    assert.match(stderr, said)
  }
})

command('with a baseline: the mixture is that of emotions', async () => {
  const { stdout, stderr, status } = await misc(
    ['chat', listenersModel('mime-tiny'), ...flags, '--mixture'],
    'hi, i am sad\n/mixture\n/state\n/situation my life\n/strategy Question\nwhy ?\n',
  )
  assert.is(status, 0, stderr)
  assert.is(stdout.split('\n').length, 3, stdout)
  assert.match(stderr, /\(\w+ \d+%, \w+ \d+%, \w+ \d+%\)\n/)
  assert.match(stderr, /devastated +=* +[\d.]+%/)
  assert.match(
    stderr,
    /nothing is inferred: MIME reads the dialogue alone: no situation, no blocks\nMIME reads the dialogue alone/,
  )
  assert.match(stderr, /^MIME replies in no strategy$/m)
})

command('what a family has not is said by its name: BlenderBot-small, BlenderBot-Joint', async () => {
  const lines = ['hi', '/situation my life', '/strategy Others', '/mixture', '/state'].join('\n')
  const [plain, joint] = [await blenderbotModel(), await jointModel()]
  const said = async (folder: string) => {
    const { stderr, status, stdout } = await runMisc(['chat', folder, ...flags, '--max-new-tokens', '3'], `${lines}\n`)
    assert.equal([status, stdout.split('\n').length], [0, 2], stderr)
    return stderr
  }
  const [ofPlain, ofJoint] = [await said(plain), await said(joint)]
  assert.match(
    ofPlain,
    /^BlenderBot-small reads the dialogue alone: .*\nBlenderBot-small replies in no strategy\nBlenderBot-small tells no mixture, .*\nnothing is inferred: BlenderBot-small reads/m,
  )
  assert.match(
    ofJoint,
    /^BlenderBot-Joint reads the dialogue alone: .*\nstrategy: Others\n[\s\S]*%[\s\S]*\nnothing is inferred: BlenderBot-Joint reads/m,
  )
  const refused = await runMisc(['chat', plain, ...flags, '--strategy', 'Others'], 'hi\n')
  assert.equal([refused.status, refused.stdout], [2, ''])
  assert.match(refused.stderr, /^misc: --strategy: BlenderBot-small has no such option$/m)
})

command('history takes part; /reset forgets it', async () => {
  const wide = ['--top-p', '1', '--top-k', '0', '--mixture']
  const lines = ['i am sad', 'why', '/reset', 'i am sad'].join('\n')
  const { stdout, stderr, status } = await misc(['chat', await tinyModel(), ...flags, ...wide], `${lines}\n`)
  const [first, second, third] = stdout.split('\n')
  assert.is(status, 0)
  assert.is(third, first)
  assert.not.equal(second, first)
  assert.is(stderr.match(/^\(.* \d+%, .* \d+%, .* \d+%\)$/gm)?.length, 3)
})

command('a line that starts with a slash and is no command is a turn like any other', async () => {
  const lines = ['/r/depression says i am sad', '//quit', '/quit smoking is hard']
  const { stdout, stderr, status } = await misc(['chat', await tinyModel(), ...flags], lines.join('\n'))
  assert.is(status, 0, stderr)
  assert.match(stdout, /^(?:\S.*\n){3}$/)
  assert.is(stderr.match(/\(said as it is, not taken for a command; \/help lists them\)/g)?.length, 2)
})

command('crisis lines come at once, before the reply, and change nothing of it', async () => {
  const chat = (lines: string[]) => {
    // Both streams go to one file, which keeps the order of what is written.
    const path = join(tempFolder(), 'both.txt')
    const both = openSync(path, 'a')
    const args = [compiledMain, 'chat', folder, ...flags]
    const { status } = spawnSync(process.execPath, args, { input: lines.join('\n'), stdio: ['pipe', both, both] })
    closeSync(both)
    assert.is(status, 0)
    return readFileSync(path, 'utf8')
  }
  const folder = await tinyModel()
  const spoken = 'i want to kill my self'
  const asked = JSON.stringify({ dialogue: [{ speaker: 'seeker', text: spoken }] })
  const generated = await misc(['generate', folder, '--input', '-', ...flags, '--json'], asked)
  const { text: reply, crisis } = JSON.parse(generated.stdout)
  assert.is(crisis, true)
  const text = chat([spoken, '/reset', 'hi', '/situation i was raped'])
  const help = 'please talk to a person now'
  const parts = text.split(help)
  assert.is(parts.length, 3, text)
  assert.match(text, /988, call or text\n.* 116 123, Samaritans\n.*findahelpline\.com/)
  assert.ok(!parts[0]!.includes(reply) && parts[1]!.includes(`${reply}\na new conversation\n`), text)
  assert.match(parts[2]!, /situation: i was raped/)
})

command('what of a conversation is cut is said once, and once more after /reset', async () => {
  const long = 'a '.repeat(60)
  const { stderr, status } = await misc(
    ['chat', await tinyModel(), ...flags],
    ['hi', 'i am sad', long, long, '/reset', 'hi', long].join('\n'),
  )
  assert.is(status, 0, stderr)
  const said = stderr.match(/\(the dialogue is longer than the 48 ids that the model reads; left out .*\)/g) ?? []
  assert.is(said.length, 2, stderr)
  assert.match(said[0]!, /whole utterances 4, ids in all \d+/)
  assert.match(said[1]!, /whole utterances 2, ids in all \d+/)
})

command('Ctrl-C during a reply stops the reply, between replies the chat', async () => {
  const long = ['--adapter', adapter, '--seed', '1', '--max-length', '2049', '--min-length', '2049']
  const args = ['chat', await tinyModel(2048), ...long]
  let stopped = false
  const { stdout, stderr, status } = await runMisc(args, 'hi\n', (child, text) => {
    if (!stopped) child.kill('SIGINT')
    else if (text.includes('\n')) child.stdin!.end()
    stopped = true
  })
  assert.is(status, 0)
  assert.match(stdout, /^\S.*\n$/)
  assert.match(stderr, /\(stopped\)/)
})

command('/state shows what was inferred for the last reply, and the situation has blocks from then on', async () => {
  const lines = [
    '/state',
    'i lost my job',
    '/state',
    '/situation i am ill',
    '/state',
    'why',
    '/state',
    '/reset',
    '/state',
  ]
  const args = ['chat', await tinyModel(), '--comet', await tinyComet(), ...flags]
  const { stdout, stderr, status } = await misc(args, lines.join('\n'))
  assert.is(status, 0, stderr)
  assert.match(stdout, /^\S.*\n\S.*\n$/)
  const [before, first, second, third] = stderr
    .split(/(?=^of the last post:\n)/m)
    .map((part) => part.split('\n').map((line) => line.slice(0, 11).trimEnd()))
  assert.ok(
    before!.some((line) => line === 'no reply ye'),
    stderr,
  )
  const table = (lines: string[]) =>
    lines.filter((line) => /^ {2}[xo]\w+$|^of the/.test(line)).map((line) => line.trim())
  const all = ['xAttr', 'xEffect', 'xIntent', 'xNeed', 'xReact', 'xWant', 'oWant', 'oEffect', 'oReact']
  assert.equal(table(first!), ['of the last', ...all, 'of the situ'])
  // No reply was made of the situation yet.
  assert.equal(table(second!), table(first!))
  assert.equal(table(third!), ['of the last', ...all, 'of the situ', ...all.slice(0, 6)])
  assert.match(stderr, /situation: i am ill\n(?!\()/)
  assert.match(stderr, /of the situation: none\n/)
  assert.is(stderr.match(/no reply yet/g)!.length, 2)
})

command('without a COMET the state is empty, and a situation is said to change nothing', async () => {
  const lines = ['/situation i am ill', 'i lost my job', '/state'].join('\n')
  const { stderr } = await misc(['chat', await tinyModel(), '--no-comet', ...flags], lines)
  assert.match(stderr, /of the last post: none\nof the situation: none\n/)
  assert.match(stderr, /\(the situation takes part .* no COMET writes any, so it changes nothing\)\n/)
})

command('an unknown strategy or model ends with 2', async () => {
  const outcomes = await Promise.all([
    misc(['chat', 'no/such/model'], ''),
    misc(['chat', await tinyModel(), '--strategy', 'Pity'], ''),
  ])
  assert.equal(
    outcomes.map(({ status, stdout }) => [status, stdout]),
    [
      [2, ''],
      [2, ''],
    ],
  )
})

command.run()
