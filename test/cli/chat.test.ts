import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { tinyModel } from '../engine-model.js'
import { testAdapters } from '../gpu.js'
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
    '/sitation',
    '/',
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
    /situation: i lost {2}my job/,
    /Question +={30} 100\.0%/,
    /unknown strategy "Pity"; the strategies are: /,
    /strategy: auto/,
    /unknown command \/sitation; \/help lists the commands/,
    /unknown command \/; /,
    /a new conversation/,
    /no situation yet/,
    /250003 characters, more than the limit of 100000/,
    /\/reset +forget/,
  ]) {
    assert.match(stderr, said)
  }
})

command('history takes part; /reset forgets it', async () => {
  const wide = ['--top-p', '1', '--top-k', '0', '--mixture']
  const lines = ['i am sad', 'why', '/reset', 'i am sad'].join('\n')
  const { stdout, stderr, status } = await runMisc(['chat', await tinyModel(), ...flags, ...wide], `${lines}\n`)
  const [first, second, third] = stdout.split('\n')
  assert.is(status, 0)
  assert.is(third, first)
  assert.not.equal(second, first)
  assert.is(stderr.match(/^\(.* \d+%, .* \d+%, .* \d+%\)$/gm)?.length, 3)
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

command('an unknown strategy or model ends with 2', async () => {
  const outcomes = await Promise.all([
    runMisc(['chat', 'no/such/model'], ''),
    runMisc(['chat', await tinyModel(), '--strategy', 'Pity'], ''),
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
