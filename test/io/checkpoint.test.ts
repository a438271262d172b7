import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openCheckpoint } from '../../src/io/checkpoint.js'
import { writeSafetensors } from '../../src/io/safetensors-writer.js'
import { goldenModel } from '../golden.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const checkpoint = suite('io/checkpoint')

async function shard(path: string, ...names: string[]): Promise<void> {
  const values = Float32Array.of(1, 2)
  const source = (name: string) => ({ name, dtype: 'F32' as const, shape: [2], data: () => [values] })
  await writeSafetensors(path, names.map(source))
}

/** A folder with tensors a, b in one shard and c in another, and this index. */
async function sharded(weightMap: unknown): Promise<string> {
  const folder = tempFolder()
  writeFileSync(join(folder, 'config.json'), '{}')
  await shard(join(folder, '1.safetensors'), 'a', 'b')
  await shard(join(folder, '2.safetensors'), 'c')
  writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: weightMap }))
  return folder
}

const SOUND = { a: '1.safetensors', b: '1.safetensors', c: '2.safetensors' }

checkpoint('opens a folder with one file', async () => {
  await using model = await openCheckpoint(await goldenModel('misc-tiny-paper'))
  assert.is(model.tensors.size, 149)
  assert.equal(model.files, ['model.safetensors'])
  assert.is((model.config as { d_model: number }).d_model, 64)
  assert.is((await model.readF32('final_logits_bias')).length, 300)
  await refused(() => model.readF32('nonesuch'), /holds no tensor "nonesuch"/)
})

checkpoint('opens a sharded folder as one', async () => {
  await using model = await openCheckpoint(await sharded(SOUND))
  assert.equal([...model.tensors.keys()].sort(), ['a', 'b', 'c'])
  assert.equal(model.files.sort(), ['1.safetensors', '2.safetensors'])
  for (const name of ['a', 'b', 'c']) assert.equal([...(await model.readF32(name))], [1, 2])
})

checkpoint('opens shards in a folder within', async () => {
  const folder = await sharded({ a: 'sub/1.safetensors' })
  mkdirSync(join(folder, 'sub'))
  await shard(join(folder, 'sub/1.safetensors'), 'a')
  await using model = await openCheckpoint(folder)
  assert.equal(model.files, ['sub/1.safetensors'])
})

for (const [what, weightMap, cause] of [
  ['a shard that is missing', { ...SOUND, d: '3.safetensors' }, /3\.safetensors: no such file/],
  ['a tensor that its shard lacks', { ...SOUND, d: '2.safetensors' }, /2\.safetensors: lacks tensor "d"/],
  [
    'a tensor in another shard',
    { ...SOUND, b: '2.safetensors' },
    /1\.safetensors: holds tensor "b".*puts it in "2.saf/,
  ],
  ['a tensor that is not listed', { a: '1.safetensors', c: '2.safetensors' }, /holds tensor "b".*does not list it/],
  ['a path out of the folder', { ...SOUND, d: '../x.safetensors' }, /shard "\.\.\/x\.safetensors", which lies outside/],
  ['a roundabout path out', { d: 'sub/../../x.safetensors' }, /lies outside the folder/],
  ['an absolute path', { d: '/etc/passwd' }, /"\/etc\/passwd", which lies outside/],
  ['the folder itself', { d: '.' }, /lies outside the folder/],
  ['a shard that is a number', { ...SOUND, d: 1 }, /shard of tensor "d" is not a string/],
  ['a list of tensors', [], /has no weight_map object/],
  ['no map', undefined, /has no weight_map object/],
] as const) {
  checkpoint(`refuses an index with ${what}`, async () => {
    const folder = await sharded(weightMap)
    await refused(() => openCheckpoint(folder), cause)
  })
}

checkpoint('refuses a tensor in two shards', async () => {
  const folder = await sharded(SOUND)
  await shard(join(folder, '2.safetensors'), 'c', 'a')
  await refused(() => openCheckpoint(folder), /2\.safetensors: holds tensor "a".*puts it in "1.safetensors"/)
})

checkpoint('says what a folder lacks', async () => {
  const folder = await sharded(SOUND)
  await refused(() => openCheckpoint(join(folder, 'none')), /none: no such folder/)
  await refused(() => openCheckpoint(join(folder, 'config.json')), /is a file; give the folder/)
  rmSync(join(folder, 'model.safetensors.index.json'))
  await refused(
    () => openCheckpoint(folder),
    /has neither model\.safetensors nor model\.safetensors\.index\.json; a model folder/,
  )
  writeFileSync(join(folder, 'pytorch_model.bin'), '')
  await refused(() => openCheckpoint(folder), /has neither .*; misc convert \/.* OUT makes one that does$/)
  writeFileSync(join(folder, 'config.json'), '{')
  await refused(() => openCheckpoint(folder), /config\.json: not JSON/)
  rmSync(join(folder, 'config.json'))
  await refused(() => openCheckpoint(folder), /has no config\.json/)
})

checkpoint.run()
