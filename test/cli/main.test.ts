import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { packageVersion } from '../../src/platform/node/packaged.js'
import { misc } from './in-process.js'

const main = suite('cli/main')

const names = [
  'doctor',
  'chat',
  'generate',
  'explain',
  'comet',
  'inspect',
  'synth',
  'convert',
  'features',
  'tokenize',
  'validate',
]
const commands = [...names, 'eval', 'bench', 'tune']

main('--help lists every command in its order, as no argument does, with exit code 2', async () => {
  const { status, stdout } = await misc(['--help'])
  const [, list = ''] = stdout.split('Commands:\n')
  assert.is(status, 0)
  assert.equal(
    [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name),
    [...commands, 'help'],
  )
  assert.equal(await misc([]), { status: 2, stdout: '', stderr: stdout })
})

main('help of a command by either name; the version', async () => {
  const { status, stdout } = await misc(['help', 'tokenize'])
  assert.is(status, 0)
  assert.match(stdout, /^Usage: misc tokenize /)
  assert.equal((await misc(['tokenize', '--help'])).stdout, stdout)
  for (const flag of ['--version', '-V']) {
    assert.equal(await misc([flag]), { status: 0, stdout: `${packageVersion}\n`, stderr: '' })
  }
})

main('an unknown command ends with 2, and the one that it may stand for is named', async () => {
  for (const [name, words] of [
    ['tun', /^error: unknown command 'tun'\n\(Did you mean tune\?\)/],
    ['constructor', /^error: unknown command 'constructor'\n/],
  ] as const) {
    const { status, stdout, stderr } = await misc([name])
    assert.equal([status, stdout], [2, ''])
    assert.match(stderr, words)
    assert.match(stderr, /\(misc --help lists the commands, misc COMMAND --help its options\)\n$/)
  }
})

main.run()
