import { spawn } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { NoAdapterError } from '../../src/errors.js'
import { findSwiftShader } from '../../src/gpu/swiftshader.js'
import { tempFolder } from '../temp.js'
import { inCache } from '../tune/in-cache.js'

const swiftShader = suite('gpu/swiftshader')
const test = (await findSwiftShader()) ? swiftShader : swiftShader.skip

const files = ['SHA256SUMS', 'libvk_swiftshader.so', 'libvulkan.so.1', 'vk_swiftshader_icd.json']

/** A new cache with SwiftShader in it, and the folder where it lies. */
async function unpacked(): Promise<{ cache: string; folder: string }> {
  const cache = tempFolder()
  const { folder } = (await inCache(findSwiftShader, cache))!
  return { cache, folder }
}

const contents = (folder: string) => files.map((file) => readFileSync(join(folder, file)))

test('is unpacked once, whole, by two at the same time', async () => {
  const cache = tempFolder()
  await inCache(async () => {
    const [one, other] = await Promise.all([findSwiftShader(), findSwiftShader()])
    assert.equal(one, other)
    assert.is(readdirSync(join(cache, 'misc-webgpu')).length, 1)
    assert.equal(readdirSync(one!.folder).sort(), files)
    const { ino } = statSync(join(one!.folder, 'libvulkan.so.1'))
    await findSwiftShader()
    assert.is(statSync(join(one!.folder, 'libvulkan.so.1')).ino, ino, 'what is sound is left alone')
  }, cache)
})

function flipByte(path: string): void {
  const bytes = readFileSync(path)
  const at = bytes.length >> 1
  bytes[at] = bytes[at]! ^ 1
  writeFileSync(path, bytes)
}

for (const [what, damage] of [
  ['a driver of 0 bytes', (folder: string) => truncateSync(join(folder, 'libvk_swiftshader.so'), 0)],
  ['a flipped byte in the driver', (folder: string) => flipByte(join(folder, 'libvk_swiftshader.so'))],
  ['a loader that was cut short', (folder: string) => truncateSync(join(folder, 'libvulkan.so.1'), 4096)],
  ['a missing ICD file', (folder: string) => rmSync(join(folder, 'vk_swiftshader_icd.json'))],
  ['a flipped byte in the list of digests', (folder: string) => flipByte(join(folder, 'SHA256SUMS'))],
] as const) {
  test(`with ${what} is unpacked again`, async () => {
    const { cache, folder } = await unpacked()
    const sound = contents(folder)
    damage(folder)
    await inCache(findSwiftShader, cache)
    assert.equal(contents(folder), sound)
    assert.equal(readdirSync(folder).sort(), files)
    assert.is(readdirSync(join(cache, 'misc-webgpu')).length, 1)
  })
}

/** Finds SwiftShader in each cache and says, for a while after each, when a file there is not as long as it should be. */
const finder = `
  import { statSync } from 'node:fs'
  import { join } from 'node:path'
  import { findSwiftShader } from ${JSON.stringify(new URL('../../src/gpu/swiftshader.ts', import.meta.url).href)}
  const sizes = JSON.parse(process.argv[1])
  for (const cache of process.argv.slice(2)) {
    process.env.XDG_CACHE_HOME = cache
    const { folder } = await findSwiftShader()
    const until = performance.now() + 200
    while (performance.now() < until) {
      for (const [file, size] of Object.entries(sizes)) {
        if (statSync(join(folder, file)).size !== size) throw new Error(file + ' is torn')
      }
      await new Promise(setImmediate)
    }
  }
`

test('two processes that find a torn one at the same moment never see it missing or torn afterwards', async () => {
  const caches = [await unpacked(), await unpacked(), await unpacked(), await unpacked()]
  const sizes = Object.fromEntries(files.map((file) => [file, statSync(join(caches[0]!.folder, file)).size]))
  for (const { folder } of caches) truncateSync(join(folder, 'libvk_swiftshader.so'), 0)
  const args = ['--import', 'tsx', '--input-type=module', '-e', finder, '--', JSON.stringify(sizes)]
  const run = async () => {
    const child = spawn(process.execPath, [...args, ...caches.map(({ cache }) => cache)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const code = new Promise((resolve) => child.on('close', resolve))
    return { stderr: await text(child.stderr), code: await code }
  }
  for (const { stderr, code } of await Promise.all([run(), run()])) assert.is(code, 0, stderr)
  for (const { cache } of caches) assert.is(readdirSync(join(cache, 'misc-webgpu')).length, 1)
})

test('a cache that cannot be written is said in one line', async () => {
  const file = join(tempFolder(), 'file')
  writeFileSync(file, '')
  const error = await inCache(() => findSwiftShader().catch((reason: Error) => reason), file)
  assert.instance(error, NoAdapterError)
  assert.match((error as Error).message, /^SwiftShader cannot be unpacked into .*: set XDG_CACHE_HOME to a folder/)
})

test('one that cannot be written serves while what lies there is sound', async () => {
  const { cache, folder } = await unpacked()
  for (const path of [cache, join(cache, 'misc-webgpu'), folder]) chmodSync(path, 0o555)
  const root = process.geteuid!() === 0
  // Root may write everywhere.
  if (root) process.seteuid!('nobody')
  try {
    const found = await inCache(findSwiftShader, cache)
    if (!found) {
      process.stderr.write('skipped, nobody may not read this repository: a cache that may only be read\n')
      return
    }
    assert.is(found.folder, folder)
    if (root) process.seteuid!(0)
    truncateSync(join(folder, 'libvk_swiftshader.so'), 0)
    if (root) process.seteuid!('nobody')
    const error = await inCache(() => findSwiftShader().catch((reason: Error) => reason), cache)
    assert.instance(error, NoAdapterError)
    assert.match((error as Error).message, /cannot be unpacked into .*EACCES.*: set XDG_CACHE_HOME to a folder/)
  } finally {
    if (root) process.seteuid!(0)
    for (const path of [cache, join(cache, 'misc-webgpu'), folder]) chmodSync(path, 0o755)
  }
})

swiftShader.run()
