import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ShapeError } from '../../src/errors.js'
import type { Dtype } from '../../src/io/dtype.js'
import { openSafetensors } from '../../src/io/safetensors.js'
import { type TensorSource, writeSafetensors } from '../../src/io/safetensors-writer.js'
import { randomIntegers } from '../random.js'
import { tempFolder } from '../temp.js'

const writer = suite('io/safetensors-writer')

writer('what is written is read back: random names, shapes, dtypes and chunks', async () => {
  const next = randomIntegers(3)
  const bytesOf: [Dtype, number][] = [
    ['F32', 4],
    ['F16', 2],
    ['BF16', 2],
    ['I64', 8],
    ['U8', 1],
    ['BOOL', 1],
  ]
  const path = join(tempFolder(), 'random.safetensors')
  for (let round = 0; round < 40; round++) {
    const contents = new Map<string, Uint8Array>()
    const tensors = Array.from({ length: next(8) }, (_, i): TensorSource => {
      const [dtype, size] = bytesOf[next(bytesOf.length)]!
      const shape = Array.from({ length: next(4) }, () => next(9))
      const bytes = Uint8Array.from({ length: shape.reduce((n, k) => n * k, size) }, () => next(256))
      const name = ['model.é', '"\\', '__proto__', 'a b', '😀'][next(5)]! + i
      contents.set(name, bytes)
      async function* data() {
        const step = 1 + next(50)
        for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step)
      }
      return { name, dtype, shape, data }
    })
    const metadata = next(2) ? { format: 'pt', note: 'a "quoted" é' } : undefined
    await writeSafetensors(path, tensors, metadata)

    await using file = await openSafetensors(path)
    assert.equal(Object.fromEntries(file.metadata), metadata ?? {})
    assert.is(file.tensors.size, tensors.length)
    for (const { name, dtype, shape } of tensors) {
      const info = file.tensors.get(name)!
      assert.equal([info.dtype, info.shape], [dtype, shape])
      assert.equal([...(await file.readBytes(name))], [...contents.get(name)!])
    }
  }
})

writer('the data begins at a multiple of eight', async () => {
  const path = join(tempFolder(), 'a.safetensors')
  await writeSafetensors(path, [{ name: 'abc', dtype: 'U8', shape: [1], data: () => [Uint8Array.of(1)] }])
  assert.is(readFileSync(path).readBigUInt64LE() % 8n, 0n)
})

writer('a failure leaves nothing behind and an older file as it was', async () => {
  const folder = tempFolder()
  const path = join(folder, 'a.safetensors')
  writeFileSync(path, 'older')
  const data = Uint8Array.of(1, 2)
  const tensor = (name: string, shape: number[]): TensorSource => ({ name, dtype: 'U8', shape, data: () => [data] })
  for (const tensors of [[tensor('a', [3])], [tensor('a', [1])], [tensor('a', [2]), tensor('a', [2])]]) {
    try {
      await writeSafetensors(path, tensors)
      assert.unreachable()
    } catch (error) {
      assert.instance(error, ShapeError)
      assert.match((error as Error).message, /needs \d bytes, but its data has 2|"a" comes twice/)
    }
  }
  assert.equal(readdirSync(folder), ['a.safetensors'])
  assert.is(readFileSync(path, 'utf8'), 'older')
})

writer.run()
