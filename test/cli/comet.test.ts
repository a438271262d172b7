import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Comet, type EventTails } from '../../src/engine/comet.js'
import { RELATIONS } from '../../src/text/strategies.js'
import { comet2019, cometBart, hubNames, tinyComet } from '../comet-models.js'
import { tinyModel } from '../engine-model.js'
import { testAdapters } from '../gpu.js'
import { compiledMain } from './compiled-main.js'
import { misc } from './in-process.js'
import { runMisc } from './misc-process.js'

const adapter = testAdapters[0]!
const on = ['--adapter', adapter]
const folder = await tinyComet()
const command = suite('misc comet')

/** What a line of JSON says of an event. */
type Line = EventTails & { readonly adapter?: string }

async function comet(args: readonly string[], input?: string | Buffer) {
  const outcome = await misc(['comet', ...args, ...on], input)
  const lines = () =>
    outcome.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line)
  return { ...outcome, lines, stderr: outcome.stderr.replaceAll(/^loading .*: [\d.]+ of [\d.]+ MB\n/gm, '') }
}

command('an event: tails with scores, relation by relation, best first; --json says the same', async () => {
  const people = await comet(['--event', 'i lost my job'])
  const json = await comet(['--event', 'i lost my job', '--json'])
  assert.equal([people.status, people.stderr, json.status, json.stderr], [0, '', 0, ''])
  const [document, ...more] = json.lines()
  const { event, tails, cut } = document!
  assert.equal([event, cut, document!.adapter, more], ['i lost my job', 0, adapter, []])
  assert.equal(Object.keys(tails), RELATIONS)
  const rows = Object.entries(tails).flatMap(([relation, list]) =>
    list.map(
      ({ text, score }, i) => `${(i === 0 ? relation : '').padEnd(12)}${score.toFixed(2).padStart(7)}  ${text}\n`,
    ),
  )
  assert.is(rows.length, 9 * 3)
  assert.is(people.stdout, rows.join(''))
  for (const list of Object.values(tails)) {
    const scores = list.map(({ score }) => score)
    assert.equal(
      scores,
      scores.toSorted((a, b) => b - a),
    )
  }
  assert.ok(tails.xReact!.some(({ text }) => text === 'upset'))
})

command('events from stdin: a line of JSON for each, in order; empty lines are none', async () => {
  const events = [
    'i cry',
    ...Array.from({ length: 18 }, (_, i) => `i am sad ${'and ill '.repeat(i % 4)}${i}`),
    'i lost it',
  ]
  const input = `\n${events.slice(0, 3).join('\r\n')}\n \n\n${events.slice(3).join('\n')}`
  const flags = ['--relations', 'oReact,xWant', '--max-length', '4']
  const all = await comet([folder, ...flags], input)
  assert.equal([all.status, all.stderr], [0, ''])
  assert.equal(
    all.lines().map(({ event }) => event),
    events,
  )
  assert.equal(Object.keys(all.lines()[0]!), ['event', 'tails', 'cut'])
  const [alone] = (await comet([folder, ...flags, '--event', 'i lost it', '--json'])).lines()
  const texts = ({ tails }: Line) =>
    Object.entries(tails).map(([name, list]) => [name, ...list.map(({ text }) => text)])
  assert.equal(texts(all.lines().at(-1)!), texts(alone!))
  assert.equal(Object.keys(alone!.tails), ['oReact', 'xWant'])
  assert.equal((await comet([folder], '')).stdout, '')
})

command('the flags of beams; an event is cut, which is told', async () => {
  const at = [folder, '--relations', 'xNeed', '--relations', ' xAttr', '--json', '--event']
  const greedy = await comet([...at, 'i cry', '--num-beams', '1'])
  const two = await comet([...at, 'i cry', '--num_return_sequences', '2', '--max-new-tokens', '3'])
  const none = await comet([...at, 'i cry', '--num-beams', '2', '--no-early-stopping', '--min-length', '4'])
  const long = await comet([folder, '--event', 'sad '.repeat(60), '--num-beams', '2', '--max-length', '3'])
  const counts = ({ tails }: Line) => Object.entries(tails).map(([relation, list]) => [relation, list.length])
  assert.equal(
    [greedy, two, none].map((it) => counts(it.lines()[0]!)),
    [1, 2, 2].map((count) => [
      ['xNeed', count],
      ['xAttr', count],
    ]),
  )
  assert.is(long.stderr, 'note: the event is longer than the model reads; ids left out: 13\n')
})

command('COMET-BART and COMET-2019 as their files lie', async () => {
  for (const model of [await cometBart(true), await comet2019(await hubNames())]) {
    const flags = [model, '--relations', 'xReact,oWant', '--max-length', '6']
    const { lines, status } = await comet(flags, 'eat eats .\na\n')
    assert.is(status, 0)
    await using loaded = await Comet.load(model, { adapter })
    const expected = await loaded.tails(['eat eats .', 'a'], { relations: ['xReact', 'oWant'], maxLength: 6 })
    const told = (all: readonly EventTails[]) =>
      all.map(({ event, tails }) => [
        event,
        Object.entries(tails).map(([name, list]) => [name, list.map((it) => it.text)]),
      ])
    assert.equal(told(lines()), told(expected))
  }
  const { stdout } = await comet([
    await cometBart(false),
    '--event',
    'a',
    '--relations',
    'HinderedBy',
    '--max-length',
    '3',
  ])
  assert.match(stdout, /^HinderedBy +-/)
  // What is drawn may hold any byte.
  assert.ok([...stdout].every((it) => it === '\n' || !/\p{Cc}/u.test(it)))
})

command('bad usage and bad input end with 2 and one line', async () => {
  const cases: [string[], RegExp][] = [
    [['--event', ''], /^misc: --event: say what happened; it is empty/],
    [['--event', ' '], /^misc: --event: say what happened; it is empty/],
    [['--event', 'a', '--relations', 'xReakt'], /has no relation "xReakt"; of the usual ones it has xAttr, /],
    [['--event', 'a', '--relations', ''], /has no relation ""/],
    [['--event', 'a', '--num-beams', '0'], /^misc: --num-beams must be a whole number at least 1/],
    [
      ['--event', 'a', '--num-beams', '2', '--num-return-sequences', '3'],
      /^misc: --num-return-sequences 3 is more than --num-beams 2/,
    ],
    [['--event', 'a', '--num-return-sequences', '6'], /numReturnSequences 6 is more than numBeams 5/],
    [['--event', 'a', '--adapter', 'none', '--dtype', 'f64'], /--dtype/],
    [['--event', 'a', '--temperature', '1'], /unknown option '--temperature'/],
    [['--event', 'a', '--do-sample'], /unknown option '--do-sample'/],
  ]
  const outcomes = await Promise.all(cases.map(([flags]) => comet([folder, ...flags])))
  for (const [i, { status, stdout, stderr }] of outcomes.entries()) {
    assert.equal([status, stdout], [2, ''], stderr)
    assert.match(stderr, cases[i]![1])
  }
  const others = await Promise.all([comet(['/no/such', '--event', 'a']), comet([await tinyModel(), '--event', 'a'])])
  assert.match(others[0].stderr, /^misc: \/no\/such: no such folder[^\n]*\n$/)
  assert.match(others[1].stderr, /^misc: [^\n]* holds MISC's paper variant, which is no COMET[^\n]*\n$/)
  assert.equal([others[0].status, others[1].status], [2, 2])
  const latin = await comet([folder, '--max-length', '3'], Buffer.from('sad\ncaf\xe9\n', 'latin1'))
  assert.equal([latin.status, latin.stdout], [2, ''])
  assert.match(latin.stderr, /^misc: stdin: not UTF-8 text: line 2, byte 4 is 0xE9/)
  const none = await misc(['comet', folder, '--event', 'a', '--adapter', 'no such adapter'])
  assert.equal([none.status, none.stdout], [3, ''])
})

command(
  'Ctrl-C amid a search ends with 130, and prints no half answer; while nothing is asked it ends the process',
  async () => {
    const long = await tinyComet({ max_position_embeddings: 2048 })
    const slow = [
      'comet',
      long,
      ...on,
      '--relations',
      'xReact',
      '--min-length',
      '2000',
      '--max-length',
      '2000',
      '--num-beams',
      '2',
    ]
    // Says when Ctrl-C no longer just ends the process: when a search begins.
    const tell = 'process.on("newListener", (event) => event === "SIGINT" && process.stderr.write("armed"))'
    for (const more of [[], ['--event', 'i cry'], ['--event', 'i cry', '--json']]) {
      const args = ['--import', `data:text/javascript,${encodeURIComponent(tell)}`, compiledMain, ...slow, ...more]
      const child = spawn(process.execPath, args, { stdio: 'pipe' })
      child.stdin.end('i cry\ni laugh\n')
      let stderr = ''
      child.stderr.on('data', (chunk) => {
        stderr += chunk
        if (stderr.includes('armed')) setTimeout(() => child.kill('SIGINT'), 100)
      })
      const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
      assert.equal([stdout, code], ['', 130], stderr)
    }
    const { stdout, status } = await runMisc(
      ['comet', folder, ...on, '--max-length', '3'],
      'i cry\n',
      (child, text) => {
        if (text.endsWith('\n')) setTimeout(() => child.kill('SIGINT'), 100)
      },
    )
    assert.equal([stdout.split('\n').length, status], [2, 'SIGINT'])
  },
)

command('--help shows the flags of beams, and none that would do nothing', async () => {
  const { stdout } = await misc(['comet', '--help'])
  for (const flag of [
    '--event',
    '--relations',
    '--json',
    '--adapter',
    '--dtype',
    '--max-new-tokens',
    '--repetition-penalty',
  ]) {
    assert.ok(stdout.includes(flag), flag)
  }
  assert.match(
    stdout.replaceAll(/\s+/g, ' '),
    /--num-beams <n> .*\(default 5\) .*--num-return-sequences <n> .*\(default 5\)/,
  )
  for (const flag of ['--temperature', '--do-sample', '--top-p', '--penalize-context', '--seed']) {
    assert.ok(!stdout.includes(flag), flag)
  }
  assert.match(stdout, /Examples:/)
  assert.match((await misc(['--help'])).stdout, /comet .*ask a COMET/)
})

command.run()
