import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { packagedModel } from '../../src/platform/node/packaged-model.js'
import { tinyComet } from '../comet-models.js'
import { tinyModel } from '../engine-model.js'
import { fixture } from '../fixtures.js'
import { goldenFolder, goldenModel } from '../golden.js'
import { testAdapters } from '../gpu.js'
import { tempFolder } from '../temp.js'
import { compiledMain } from './compiled-main.js'

const reader = suite('cli/end-with-reader')
const tokenizer = packagedModel()

/** Runs `misc ARGS…` whose stdout or stderr is closed at the other end before anything is written; what the rest says. */
async function unread(streams: readonly ('stdout' | 'stderr')[], args: readonly string[], input: string) {
  const child = spawn(process.execPath, [compiledMain, ...args])
  for (const stream of streams) child[stream].destroy()
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const rest = streams.includes('stderr') ? '' : text(child.stderr)
  const [code, signal] = await once(child, 'exit')
  // But for progress, and warnings of the Vulkan driver.
  return { status: code ?? signal, rest: (await rest).replaceAll(/^(Warning: .*|.*: [\d.]+ of [\d.]+ \w+)\n/gm, '') }
}

/** All of them end quietly, with 0. */
async function endQuietly(
  streams: readonly ('stdout' | 'stderr')[],
  cases: readonly (readonly string[])[],
  input = 'i feel low\n',
): Promise<void> {
  for (const args of cases) {
    const { status, rest } = await unread(streams, args, input)
    assert.equal([status, rest], [0, ''], `misc ${args.join(' ')}`)
  }
}

// What commander writes of one command it writes of all.
reader('nobody reads help: a quiet end', () => endQuietly(['stdout'], [['--help'], ['chat', '--help']]))

reader('nobody reads why a command was refused: a quiet end', () =>
  endQuietly(
    ['stderr'],
    [
      ['inspect', '/no/such'],
      ['chat', '--nosuch'],
    ],
  ),
)

reader('nobody reads results that need no GPU: a quiet end', async () => {
  const model = await goldenModel('misc-tiny-paper')
  const features = ['features', '--tokenizer', tokenizer, '--data', fixture('text', 'misc-esconv'), '--split', 'dev']
  await endQuietly(['stdout'], [['inspect', model], ['tokenize', tokenizer], features])
  await endQuietly(['stderr'], [['synth', goldenFolder('misc-tiny-paper'), join(tempFolder(), 'out')]])
})

const dialogue = '{"dialogue": [{"speaker": "seeker", "text": "i feel low"}]}'

// On its way out the process gives the driver back, which is each adapter's own.
for (const adapter of testAdapters) {
  reader(`${adapter}: nobody reads a reply: a quiet end`, async () => {
    await endQuietly(['stdout'], [['generate', await tinyModel(), '--input', '-', '--adapter', adapter]], dialogue)
  })
}

reader('nobody reads replies and tails, in their other forms: a quiet end', async () => {
  const on = ['--adapter', testAdapters[0]!]
  const generate = ['generate', await tinyModel(), '--input', '-', ...on]
  await endQuietly(['stdout'], [[...generate, '--json']], dialogue)
  await endQuietly(['stderr'], [[...generate, '--transcript']], dialogue)
  await endQuietly(['stdout', 'stderr'], [['chat', await tinyModel(), ...on]])
  await endQuietly(['stdout'], [['comet', await tinyComet(), ...on]])
})

reader('nobody reads what was measured: a quiet end', async () => {
  const on = ['--adapter', testAdapters[0]!]
  const model = await goldenModel('misc-tiny-paper')
  await endQuietly(
    ['stdout'],
    [
      ['doctor', ...on],
      ['bench', model, '--suite', 'decode', '--context', '8', '--tokens', '3', '--repetitions', '1', ...on],
    ],
  )
})

reader('a reader that leaves amid the output, in a shell', () => {
  const script = 'yes "i feel low" | head -n 100000 | { "$@" 2>&1; echo $? >&3; } 3>&2 | head -n 1'
  const command = ['bash', process.execPath, compiledMain, 'tokenize', tokenizer, '--json']
  const { stdout, stderr } = spawnSync('bash', ['-c', script, ...command], { encoding: 'utf8' })
  assert.match(stdout, /^\{"text":"i feel low",.*\}\n$/)
  assert.is(stderr, '0\n')
})

reader('a full disk is said in one line, with exit code 2', () => {
  const command = ['bash', process.execPath, compiledMain, 'tokenize', '--help']
  const { status, stderr } = spawnSync('bash', ['-c', '"$@" > /dev/full', ...command], { encoding: 'utf8' })
  assert.is(status, 2)
  assert.match(stderr, /^misc: the output cannot be written \(ENOSPC: .*\)\n$/)
})

reader.run()
