import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { packageVersion } from '../../../src/platform/node/packaged.js'
import { readTuning, tuningFile, writeTuning } from '../../../src/platform/node/tuning-file.js'
import { parseTuning as parse, type Tuning } from '../../../src/tune/tuning.js'
import { tempFolder } from '../../temp.js'
import { inCache } from './in-cache.js'

const cache = suite('platform/node/tuning-file')

const owner = { name: 'Some GPU (R9, 2/3)', driver: 'driver 1.2' }
const key = 'gemv f32 1x512x2048'
const choice = { guess: 'plain', choice: 'subgroup', ms: { plain: 2, subgroup: 1 }, left_out: ['tiled'] }
const tuning: Tuning = { choices: new Map([[key, choice]]), unfinished: 0 }
const document = {
  adapter: owner.name,
  driver: owner.driver,
  version: packageVersion,
  unfinished: 0,
  choices: { [key]: choice },
}

const parseTuning = (value: unknown, of: typeof owner) => parse(value, of, packageVersion)

/** What reading says and gives. */
async function read(it = owner): Promise<{ keys: string[]; words: string[] }> {
  const words: string[] = []
  const { choices } = await readTuning(it, (message) => words.push(message))
  return { keys: [...choices.keys()], words }
}

cache('what is written is read; other classes stay, the same ones are replaced', () =>
  inCache(async () => {
    assert.equal(await read(), { keys: [], words: [] })
    const file = await writeTuning(owner, tuning)
    assert.equal(await readTuning(owner, assert.unreachable), tuning)
    const other = 'gemm f32 64x512x2048'
    await writeTuning(owner, { choices: new Map([[other, choice]]), unfinished: 1 })
    await writeTuning(owner, { choices: new Map([[key, { ...choice, choice: 'plain' }]]), unfinished: 2 })
    const { choices, unfinished } = await readTuning(owner, assert.unreachable)
    assert.equal([unfinished, choices.get(key)!.choice, [...choices.keys()]], [2, 'plain', [key, other]])
    assert.equal(readdirSync(dirname(file)), ['some-gpu-r9-2-3.json'])
  }),
)

cache('the file of another driver, version or adapter is ignored, and replaced', () =>
  inCache(async () => {
    for (const [what, change] of Object.entries({
      driver: { driver: 'driver 1.1' },
      version: { version: '0.0.9' },
      adapter: { adapter: 'Some GPU' },
    })) {
      assert.throws(() => parseTuning({ ...document, ...change }, owner), new RegExp(`was measured with ${what} "`))
    }
    mkdirSync(dirname(tuningFile(owner)), { recursive: true })
    writeFileSync(tuningFile(owner), JSON.stringify({ ...document, driver: 'driver 1.1' }))
    const { keys, words } = await read()
    assert.equal(keys, [])
    assert.match(words.join(), /some-gpu.*: was measured with driver "driver 1\.1", now driver 1\.2: .*misc tune/)
    await writeTuning(owner, tuning)
    assert.equal((await read()).keys, [key])
  }),
)

cache('documents that this package did not write are refused', () => {
  const entry = (change: object) => ({ ...document, choices: { [key]: { ...choice, ...change } } })
  const hostile: Record<string, unknown> = {
    'a number': 7,
    nothing: null,
    'a list': [document],
    'no version': { ...document, version: undefined },
    'no choices': { ...document, choices: undefined },
    'choices in a list': { ...document, choices: [choice] },
    'a count below zero': { ...document, unfinished: -1 },
    'a count in words': { ...document, unfinished: 'many' },
    'a key that names no class': { ...document, choices: { '../../etc': choice } },
    'a choice that is no object': { ...document, choices: { [key]: 'plain' } },
    'a kernel that is no name': entry({ choice: 7 }),
    'a kernel with a path': entry({ choice: '../gemv', ms: { '../gemv': 1 } }),
    'a kernel that was not measured': entry({ choice: 'other' }),
    'a kernel of every object': entry({ choice: 'constructor' }),
    'a time that is no number': entry({ ms: { plain: '2', subgroup: 1 } }),
    'a time below zero': entry({ ms: { plain: -2, subgroup: 1 } }),
    'no times': entry({ ms: null }),
    'left out, not in a list': entry({ left_out: 'tiled' }),
  }
  parseTuning(document, owner)
  for (const [what, value] of Object.entries(hostile)) {
    assert.throws(() => parseTuning(JSON.parse(JSON.stringify(value)), owner), /./, what)
  }
})

cache('files that are none, no text, no JSON or too large are ignored, with one word each', async () => {
  const files: Record<string, (file: string) => void> = {
    empty: (file) => writeFileSync(file, ''),
    truncated: (file) => writeFileSync(file, JSON.stringify(document).slice(0, 60)),
    'no UTF-8': (file) => writeFileSync(file, Buffer.of(0xff, 0xfe, 0x80)),
    'nested deeply': (file) => writeFileSync(file, '['.repeat(500_000)),
    'too large': (file) => writeFileSync(file, `${JSON.stringify(document)}${' '.repeat(2 ** 20)}`),
    'a folder': (file) => mkdirSync(file),
    'a pipe': (file) => execFileSync('mkfifo', [file]),
  }
  for (const [what, make] of Object.entries(files)) {
    await inCache(async () => {
      mkdirSync(dirname(tuningFile(owner)), { recursive: true })
      make(tuningFile(owner))
      const { keys, words } = await read()
      assert.equal([keys, words.length], [[], 1], what)
      assert.match(words[0]!, /^\S+some-gpu\S+\.json: .*misc tune measures them anew$/, what)
      assert.equal((await read()).words, [], `${what}: said twice`)
      if (!/^a (folder|pipe)$/.test(what)) return
      const error = await writeTuning(owner, tuning).catch((reason: Error) => reason)
      assert.match(String(error), /some-gpu\S+\.json: not a regular file/, what)
    })
  }
})

cache('two that write at once leave a whole file', () =>
  inCache(async () => {
    const writers = Array.from({ length: 8 }, (_, i) =>
      writeTuning(owner, { choices: new Map([[`gemv f32 1x512x${i}`, choice]]), unfinished: 0 }),
    )
    await Promise.all([...writers, ...writers.map(async () => parseTuning(JSON.parse(await text()), owner))])
    assert.equal(readdirSync(dirname(tuningFile(owner))).length, 1)
    assert.ok((await read()).keys.length > 0)
  }),
)

/** Writes choices of its own, 30 times. */
const writer = `
  import { writeTuning } from ${JSON.stringify(new URL('../../../src/platform/node/tuning-file.ts', import.meta.url).href)}
  const [owner, choice, name] = process.argv.slice(1).map((it) => JSON.parse(it))
  for (let i = 0; i < 30; i++) await writeTuning(owner, { choices: new Map([['gemv f32 1x' + name + 'x' + i, choice]]), unfinished: 0 })
`

cache('two processes that write at once: whoever reads meanwhile finds a whole file', () =>
  inCache(async () => {
    let running = 2
    const ends = [7, 8].map(async (name) => {
      const values = [owner, choice, name].map((it) => JSON.stringify(it))
      const args = ['--import', 'tsx', '--input-type=module', '-e', writer, '--', ...values]
      const [code] = await once(spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] }), 'close')
      running--
      return code
    })
    let read = 0
    for (; running > 0; read++) {
      await readTuning(owner, assert.unreachable)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    assert.equal(await Promise.all(ends), [0, 0])
    const { choices } = await readTuning(owner, assert.unreachable)
    assert.ok(choices.has('gemv f32 1x7x29') || choices.has('gemv f32 1x8x29'))
    assert.ok(read > 10, `read ${read} times`)
    assert.equal(readdirSync(dirname(tuningFile(owner))).length, 1)
  }),
)

/** The file once it is there. */
async function text(): Promise<string> {
  for (;;) {
    try {
      return readFileSync(tuningFile(owner), 'utf8')
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
}

cache('a cache folder that cannot be read or written', async () => {
  const file = join(tempFolder(), 'file')
  writeFileSync(file, '')
  await inCache(async () => {
    assert.equal((await read()).keys, [])
    const error = await writeTuning(owner, tuning).then(assert.unreachable, (reason: Error) => reason)
    assert.match((error as Error).message, /EEXIST|ENOTDIR/)
  }, file)
  const folder = tempFolder()
  chmodSync(folder, 0o500)
  await inCache(async () => assert.equal(await read(), { keys: [], words: [] }), folder)
})

cache.run()
