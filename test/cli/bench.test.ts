import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { readFileSync, readlinkSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { BenchReport } from '../../src/bench/report.js'
import { benchCommand } from '../../src/cli/bench.js'
import { goldenModel } from '../golden.js'
import { testAdapters } from '../gpu.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'
import { misc } from './in-process.js'

const command = suite('cli/bench')
const bench = (...args: string[]) => misc(['bench', ...args])
const small = ['--context', '8', '--tokens', '3', '--repetitions', '2', '--seed', '7', '--adapter', testAdapters[0]!]

command('prints one JSON document, and takes a folder after --json for the model', async () => {
  const { status, stdout, stderr } = await bench(
    ...small,
    '--suite',
    'decode',
    '--json',
    await goldenModel('misc-tiny-paper'),
  )
  assert.is(status, 0, stderr)
  const { suites, workload, adapter } = JSON.parse(stdout) as BenchReport
  assert.equal(Object.keys(suites), ['decode'])
  assert.equal([workload.context, workload.tokens, workload.seed, adapter.name], [8, 3, 7, testAdapters[0]])
  assert.is(suites.decode!.itl_ms.n, 4)
})

command(
  'times another family by what it has, says what is left out, and refuses by name what is asked for',
  async () => {
    const model = await goldenModel('transformer-tiny')
    const { status, stdout, stderr } = await bench(model, ...small, '--json')
    assert.is(status, 0, stderr)
    const { suites, left_out, model: told } = JSON.parse(stdout) as BenchReport
    assert.equal(Object.keys(suites), ['decode', 'encode'])
    assert.equal(told.family, 'listeners')
    assert.equal(Object.keys(left_out), ['blocks', 'kernels', 'pipeline'])
    for (const [flags, message] of [
      [['--suite', 'all,kernels'], /holds a Transformer, .* the suite kernels is for MISC alone: leave it out/],
      [['--post-blocks', '3'], /--post-blocks must be a whole number from 0 to 0 for this model, got 3/],
    ] as const) {
      const { status, stdout, stderr } = await bench(model, ...small, ...flags)
      assert.equal([status, stdout], [2, ''])
      assert.match(stderr, message)
    }
  },
)

command('writes document, tables and page to files, beside the text', async () => {
  const folder = tempFolder()
  const [file, markdown, html] = ['json', 'md', 'html'].map((it) => join(folder, `bench.${it}`)) as [
    string,
    string,
    string,
  ]
  const model = await goldenModel('misc-tiny-released')
  const { status, stdout, stderr } = await bench(
    model,
    ...small,
    '--suite',
    'encode',
    '--post_blocks',
    '0',
    '--json',
    file,
    '--markdown',
    markdown,
    '--html',
    html,
  )
  assert.is(status, 0, stderr)
  assert.match(stdout, /context 8, 0 \+ 20 blocks of 5 ids.*seed 7/)
  const { suites } = JSON.parse(readFileSync(file, 'utf8')) as BenchReport
  assert.equal(Object.keys(suites), ['encode'])
  assert.match(readFileSync(markdown, 'utf8'), /^\| cross\\_kv \|/m)
  assert.match(readFileSync(html, 'utf8'), /<td class="name">cross_kv<\/td>/)
})

command('several suites; a pipe, a link and a device to write to stay what they are', async () => {
  const folder = tempFolder()
  const [pipe, link, device] = ['pipe', 'link', 'null'].map((it) => join(folder, it)) as [string, string, string]
  execFileSync('mkfifo', [pipe])
  symlinkSync('bench.md', link)
  // Only root may make a device; nobody else could take the machine's away.
  const html = spawnSync('mknod', [device, 'c', '1', '3']).status === 0 ? device : '/dev/null'
  const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'inherit'] })
  const document = text(reader.stdout)
  const files = ['--json', pipe, '--markdown', link, '--html', html]
  const suites = ['--suite', 'blocks,encode', '--suite', 'decode']
  const { status, stderr } = await bench(await goldenModel('misc-tiny-paper'), ...small, ...suites, ...files)
  assert.is(status, 0, stderr)
  assert.equal(Object.keys((JSON.parse(await document) as BenchReport).suites), ['decode', 'encode', 'blocks'])
  assert.is(readlinkSync(link), 'bench.md')
  assert.match(readFileSync(join(folder, 'bench.md'), 'utf8'), /^\| cross\\_kv \|/m)
  assert.ok(statSync(pipe).isFIFO() && statSync(html).isCharacterDevice())
})

command('refuses what it cannot do, before it opens an adapter', async () => {
  const model = await goldenModel('misc-tiny-paper')
  const refusing = (...args: string[]) =>
    benchCommand()
      .exitOverride()
      .parseAsync([...args, '--adapter', 'no such adapter'], { from: 'user' })
  await refused(() => refusing(model, '--context', '65'), /--context must be a whole number from 1 to 64 .* got 65/)
  await refused(() => refusing(model, '--tokens', 'many'), /--tokens must be a whole number, got "many"/)
  await refused(() => refusing(model, '--json', '/no/such/folder/bench.json'), /there is no folder/)
  await refused(() => refusing(model, '--json', model), /is a folder; name a file/)
  await refused(() => refusing(model, '--html', model), /is a folder; name a file/)
  await refused(() => refusing(model, '--markdown', '/no/such/folder/bench.md'), /there is no folder/)
  await refused(() => refusing('/no/such/model'), /no such folder/)
  const { status, stdout, stderr } = await bench(model, ...small, '--suite', 'encode,pipeline')
  assert.equal([status, stdout], [2, ''])
  assert.match(stderr, /has no folder comet, so nobody writes blocks: name a COMET's with --comet/)
  for (const suites of ['html', 'decode,html', 'decode,', '']) {
    const { status, stdout, stderr } = await bench(model, '--suite', suites)
    assert.equal([status, stdout], [2, ''])
    assert.match(stderr, /Allowed choices are decode, encode, blocks, kernels, pipeline, scaling, all/)
  }
})

command.run()
