/** That fuzzing finds what is wrong: a kind with a planted fault, and the command of test/fuzz/nightly.ts. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InputError } from '../src/errors.js'
import { checkKind } from './fuzz/cases.js'

const nightly = suite('fuzz: nightly')
const asked = { seed: 3, cases: 200 }
const kind = (read: (it: number) => unknown) => ({ name: 'numbers', cases: fc.nat(1000), read })

nightly('sound cases and refused ones are counted', async () => {
  const begun: number[] = []
  const read = (it: number) => {
    if (it % 2 === 1) throw new InputError('odd')
  }
  const { cases, sound, failure } = await checkKind(kind(read), { ...asked, begin: (index) => begun.push(index) })
  assert.is(cases, 200)
  assert.ok(sound > 50 && sound < 150, `${sound}`)
  assert.is(failure, undefined)
  assert.equal(begun, [...Array(200).keys()])
})

nightly('a crash is found, made small, and found again by its path', async () => {
  const seen: number[] = []
  const read = (it: number) => {
    seen.push(it)
    if (it > 500) throw new TypeError('planted')
  }
  const { failure, cases } = await checkKind(kind(read), asked)
  assert.match(failure!.text, /^501\n.*planted/s)
  assert.ok(cases < 200)
  seen.length = 0
  const again = await checkKind(kind(read), { ...asked, path: failure!.path })
  assert.is(seen[0], 501)
  assert.match(again.failure!.text, /^501\n/)
})

const faults: [string, (it: number) => unknown, RegExp][] = [
  ['everything refused', () => Promise.reject(new InputError('no')), /only 0 of 200 were sound/],
  ['an endless message', () => Promise.reject(new InputError('x'.repeat(6000))), /a message of 6000 characters/],
  ['a message of lines', () => Promise.reject(new InputError('a\nb')), /a message of lines: "a\\nb"/],
  ['too much memory', () => kept.push(Buffer.alloc(2 ** 27)), /external_memory grew by \d{9} bytes/],
]
const kept: Buffer[] = []

for (const [name, read, said] of faults) {
  nightly(`${name} is a failure`, async () => {
    const { failure } = await checkKind(kind(read), asked)
    kept.length = 0
    assert.match(failure!.text, said)
  })
}

const program = fileURLToPath(new URL('fuzz/nightly.ts', import.meta.url))
const run = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', program, ...args], {
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

nightly('the command prints a row for each kind', () => {
  const { status, stdout, stderr } = run('--kind', 'safetensors', '--cases', '40', '--seed', '1')
  assert.is(status, 0, stderr)
  assert.match(stdout, /\| safetensors: .* \| 40 \| \d+ \| 1 \| 0 \|/)
})

nightly('what cannot be done is said in a line', () => {
  const { status, stderr } = run('--kind', 'rows', '--path', '1')
  assert.is(status, 1)
  assert.is(stderr, 'error: --path needs the --seed and the one --kind that it was found with\n')
})

nightly.run()
