import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { NoAdapterError } from '../../src/errors.js'
import { findSwiftShader } from '../../src/gpu/swiftshader.js'
import { tempFolder } from '../temp.js'

const swiftShader = suite('gpu/swiftshader')
const test = (await findSwiftShader()) ? swiftShader : swiftShader.skip

async function withCache<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const saved = process.env.XDG_CACHE_HOME
  process.env.XDG_CACHE_HOME = folder
  try {
    return await work()
  } finally {
    if (saved === undefined) delete process.env.XDG_CACHE_HOME
    else process.env.XDG_CACHE_HOME = saved
  }
}

test('is unpacked once, whole, by two at the same time; what is missing is unpacked again', async () => {
  const cache = tempFolder()
  await withCache(cache, async () => {
    const [one, other] = await Promise.all([findSwiftShader(), findSwiftShader()])
    assert.equal(one, other)
    assert.is(readdirSync(join(cache, 'misc-webgpu')).length, 1)
    const files = ['libvk_swiftshader.so', 'libvulkan.so.1', 'vk_swiftshader_icd.json']
    assert.equal(readdirSync(one!.folder).sort(), files)
    rmSync(one!.icd)
    await findSwiftShader()
    assert.equal(readdirSync(one!.folder).sort(), files)
  })
})

test('a cache that cannot be written is said in one line', async () => {
  const file = join(tempFolder(), 'file')
  writeFileSync(file, '')
  const error = await withCache(file, () => findSwiftShader().catch((reason: Error) => reason))
  assert.instance(error, NoAdapterError)
  assert.match((error as Error).message, /^SwiftShader cannot be unpacked into .*: set XDG_CACHE_HOME to a folder/)
})

swiftShader.run()
