import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { packagedModel } from '../../src/platform/node/packaged-model.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { fixture } from '../fixtures.js'
import { compiledMain } from './compiled-main.js'
import { misc } from './in-process.js'

const tokenize = suite('misc tokenize')
// Read in a fraction of the time that the authors' tokenizer takes.
const small = packagedModel()
const tokenizer = await Tokenizer.load(small)
const hi = `${(await tokenizer.encode('hi')).join(' ')}\thi`

async function run(input: string | Buffer, ...args: string[]) {
  const { stdout, stderr, status } = await misc(['tokenize', ...args], input)
  return { lines: stdout.split('\n').slice(0, -1), stderr, status }
}

tokenize('--json prints a line for each raw line', async () => {
  const { lines, stderr, status } = await run('Hi there!\n\n"a"\r\nlast', fixture('tokenizer'), '--json')
  assert.is(stderr, '')
  assert.is(status, 0)
  assert.equal(
    lines.map((line) => JSON.parse(line)),
    [
      { text: 'Hi there!', ids: [792, 60, 37], decoded: 'hi there!' },
      { text: '', ids: [], decoded: '' },
      { text: '"a"', ids: [3, 337, 16], decoded: 'a"' },
      { text: 'last', ids: [201], decoded: 'last' },
    ],
  )
})

tokenize('--stdin-json reads JSON strings, --stdin_json too', async () => {
  const ids = await tokenizer.encode('a\nb')
  const want = [{ text: 'a\nb', ids, decoded: tokenizer.decode(ids) }]
  assert.is(want[0]!.decoded, 'a __newln__ b')
  for (const flag of ['--stdin-json', '--stdin_json']) {
    const { lines } = await run('"a\\nb"\n', small, '--json', flag)
    assert.equal(
      lines.map((line) => JSON.parse(line)),
      want,
    )
  }
})

tokenize('without --json: ids, a tab, the text', async () => {
  assert.equal((await run('Hi there!\n', fixture('tokenizer'))).lines, ['792 60 37\thi there!'])
})

tokenize('a byte order mark is left out; input that is not UTF-8 ends with 2', async () => {
  for (const [flags, line] of [
    [[], 'hi'],
    [['--stdin-json'], '"hi"'],
  ] as const) {
    assert.equal((await run(`\ufeff${line}\n`, small, ...flags)).lines, [hi])
    for (const input of [Buffer.from(`${line}\ncaf\xe9\n`, 'latin1'), Buffer.from(`${line}\n`, 'utf16le')]) {
      const { lines, stderr, status } = await run(input, small, ...flags)
      assert.equal([lines, status], [[], 2])
      assert.match(stderr, /^misc: stdin: not UTF-8 text: line [12], byte [14] .*\n$/)
    }
  }
})

tokenize('bad input ends with 2 and one line on stderr', async () => {
  const json = await run('"a"\n12\n', small, '--stdin-json')
  assert.is(json.status, 2)
  assert.match(json.stderr, /^misc: stdin line 2: expected a JSON string, got "12"; .*\n$/)
  const missing = await run('', fixture('nowhere'))
  assert.is(missing.status, 2)
  assert.match(missing.stderr, /^misc: .*no such folder.*\n$/)
  assert.is((await run('')).status, 2)
})

tokenize('prints as lines come, and ends quietly when the reader has gone', async () => {
  const child = spawn(process.execPath, [compiledMain, 'tokenize', small])
  let stderr = ''
  child.stderr.on('data', (data) => {
    stderr += data
  })
  child.stdin.on('error', async () => {})
  child.stdin.write('hi\n')
  const [first] = await once(child.stdout, 'data')
  assert.is(String(first), `${hi}\n`)
  child.stdout.destroy()
  const exit = once(child, 'exit')
  const feed = setInterval(() => child.stdin.write('hi\n'.repeat(10_000)), 10)
  const [status] = await exit
  clearInterval(feed)
  assert.equal([status, stderr], [0, ''])
})

tokenize.run()
