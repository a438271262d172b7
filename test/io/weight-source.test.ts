import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CHUNK_BYTES } from '../../src/io/binary-file.js'
import { writeSafetensors } from '../../src/io/safetensors-writer.js'
import { openWeights, type SourceTensor, sameValues } from '../../src/io/weight-source.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'
import { dict, legacyFile, pickle, tensor } from './pickles.js'

const source = suite('io/weight-source')

const values = Float32Array.of(1, 2, 3, 4)
const torchFile = (...names: string[]) =>
  legacyFile(pickle(dict(Object.fromEntries(names.map((name) => [name, tensor('0', 4, [2, 2], [2, 1])])))), {
    0: values,
  })

async function bytes(tensor: SourceTensor): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of tensor.chunks()) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

source('safetensors of any name, in chunks', async () => {
  const path = join(tempFolder(), 'epoch-3.anything')
  const large = Uint8Array.from({ length: CHUNK_BYTES + 5 }, (_, i) => i * 7)
  await writeSafetensors(path, [
    { name: 'a', dtype: 'F32', shape: [4], data: () => [values] },
    { name: 'b', dtype: 'U8', shape: [large.length], data: () => [large] },
    { name: 'none', dtype: 'F16', shape: [0, 3], data: () => [] },
  ])
  await using weights = await openWeights(path)
  assert.equal(weights.files, [path])
  assert.equal([...weights.tensors.keys()], ['a', 'b', 'none'])
  assert.equal([...new Float32Array(Uint8Array.from(await bytes(weights.tensors.get('a')!)).buffer)], [...values])
  assert.ok((await bytes(weights.tensors.get('b')!)).equals(large))
  assert.is((await bytes(weights.tensors.get('none')!)).length, 0)
  await refused(() => openWeights(path, 'model'), /is safetensors, which holds no dict "model"; leave --state-dict out/)
})

source('a folder: what it holds is found by its usual name, safetensors first', async () => {
  const folder = tempFolder()
  await refused(
    () => openWeights(folder),
    /has none of model\.safetensors, .*pytorch_model\.bin\.index\.json; give the file/,
  )
  writeFileSync(join(folder, 'pytorch_model.bin'), torchFile('t'))
  const names = async () => {
    await using weights = await openWeights(folder)
    return [...weights.tensors.keys()]
  }
  assert.equal(await names(), ['t'])
  await writeSafetensors(join(folder, 'model.safetensors'), [
    { name: 's', dtype: 'F32', shape: [4], data: () => [values] },
  ])
  assert.equal(await names(), ['s'])
})

source('shards, of torch or of safetensors, by their index', async () => {
  const folder = tempFolder()
  const index = join(folder, 'pytorch_model.bin.index.json')
  const list = (map: unknown) => writeFileSync(index, JSON.stringify({ weight_map: map }))
  mkdirSync(join(folder, 'sub'))
  writeFileSync(join(folder, '1.bin'), torchFile('a', 'b'))
  await writeSafetensors(join(folder, 'sub', '2'), [{ name: 'c', dtype: 'F32', shape: [2, 2], data: () => [values] }])
  list({ a: '1.bin', b: '1.bin', c: 'sub/2' })
  for (const path of [folder, index]) {
    await using weights = await openWeights(path)
    assert.equal(weights.files, [join(folder, '1.bin'), join(folder, 'sub', '2')])
    for (const tensor of weights.tensors.values()) assert.ok((await bytes(tensor)).equals(Buffer.from(values.buffer)))
  }
  for (const [map, words] of [
    [{ a: '1.bin', c: 'sub/2' }, /1\.bin: holds tensor "b", but pytorch_model\.bin\.index\.json does not list it/],
    [{ a: '1.bin', b: '1.bin', d: 'sub/2' }, /2: holds tensor "c".*does not list it/],
    [{ a: '1.bin', b: '1.bin', d: '1.bin' }, /1\.bin: lacks tensor "d"/],
    [{ a: '../1.bin' }, /names the shard "\.\.\/1\.bin", which lies outside/],
    [{ a: '3.bin' }, /3\.bin: no such file/],
  ] as const) {
    list(map)
    await refused(() => openWeights(folder), words)
  }
})

source('tells whether two tensors hold the same', async () => {
  const file = legacyFile(
    pickle(
      dict({
        a: tensor('0', 4, [2, 2], [2, 1]),
        b: tensor('0', 4, [2, 2], [2, 1]),
        c: tensor('0', 4, [2, 2], [1, 2]),
        d: tensor('1', 4, [2, 2], [1, 2]),
        e: tensor('0', 4, [4], [1]),
      }),
    ),
    { 0: values, 1: Float32Array.of(1, 3, 2, 4) },
  )
  const path = join(tempFolder(), 'a.pt')
  writeFileSync(path, file)
  await using weights = await openWeights(path)
  const same = (a: string, b: string) => sameValues(weights.tensors.get(a)!, weights.tensors.get(b)!)
  assert.equal(
    [await same('a', 'b'), await same('a', 'c'), await same('a', 'd'), await same('a', 'e')],
    [true, false, true, false],
  )
})

source.run()
