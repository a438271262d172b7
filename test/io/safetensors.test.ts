import { readFileSync, truncateSync } from 'node:fs'
import { createRequire } from 'node:module'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openSafetensors, type SafetensorsFile } from '../../src/io/safetensors.js'
import { writeSafetensors } from '../../src/io/safetensors-writer.js'
import { goldenCases } from '../golden.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'
import { rawSafetensors } from './raw-safetensors.js'

const safetensors = suite('io/safetensors')

/** A file with one tensor `t` of these bytes. */
function oneTensor(dtype: string, shape: number[], data: ArrayBufferView): Promise<SafetensorsFile> {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return openSafetensors(rawSafetensors({ t: { dtype, shape, data_offsets: [0, bytes.length] } }, bytes))
}

safetensors('reads F32, NaN, infinities and all, bit by bit', async () => {
  const bits = Uint32Array.of(0x7fc00001, 0xff800000, 0x7f800000, 0x80000000, 1, 0x3f800000)
  await using file = await oneTensor('F32', [2, 3], bits)
  assert.equal([...new Uint32Array((await file.readF32('t')).buffer)], [...bits])
})

safetensors('reads F16 and BF16 as F32', async () => {
  await using f16 = await oneTensor('F16', [4], Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7c00))
  assert.equal([...(await f16.readF32('t'))], [1, -2, 2 ** -24, Number.POSITIVE_INFINITY])
  await using bf16 = await oneTensor('BF16', [3], Uint16Array.of(0x3f80, 0xc000, 0x0001))
  assert.equal([...(await bf16.readF32('t'))], [1, -2, 2 ** -133])
})

safetensors('reads I64 as numbers, and refuses one that a number cannot hold', async () => {
  await using file = await oneTensor('I64', [3], BigInt64Array.of(-1n, 0n, 2n ** 53n - 1n))
  assert.equal(await file.readI64('t'), [-1, 0, 2 ** 53 - 1])
  await using large = await oneTensor('I64', [], BigInt64Array.of(2n ** 53n))
  await refused(() => large.readI64('t'), /tensor "t" holds an integer beyond 2\^53/)
})

safetensors('reads zero-size and rank-0 tensors', async () => {
  await using empty = await oneTensor('F32', [0, 3], new Uint8Array(0))
  assert.is((await empty.readF32('t')).length, 0)
  await using scalar = await oneTensor('F32', [], Float32Array.of(5))
  assert.equal([...(await scalar.readF32('t'))], [5])
})

safetensors('reads a tensor that is not aligned in its file', async () => {
  const header = {
    a: { dtype: 'U8', shape: [3], data_offsets: [0, 3] },
    t: { dtype: 'F32', shape: [2], data_offsets: [3, 11] },
  }
  const data = Buffer.concat([Buffer.alloc(3), Buffer.from(Float32Array.of(1.5, -2).buffer)])
  await using file = await openSafetensors(rawSafetensors(header, data))
  assert.equal([...(await file.readF32('t'))], [1.5, -2])
})

safetensors('any part of a tensor is read into memory that is given, converted', async () => {
  const halves = Uint16Array.from({ length: 101 }, (_, i) => 0x3c00 + i)
  const singles = Float32Array.from({ length: 101 }, (_, i) => 1 + i / 1024)
  // The upper half of an f32's bits: exact for 8 bits of mantissa.
  const brains = Uint16Array.from({ length: 101 }, (_, i) => 0x3f80 + i)
  const cases = [
    ['F32', singles, (i: number) => 1 + i / 1024],
    ['F16', halves, (i: number) => 1 + i / 1024],
    ['BF16', brains, (i: number) => (i < 128 ? 1 + i / 128 : Number.NaN)],
  ] as const
  for (const [dtype, data, expected] of cases) {
    await using file = await oneTensor(dtype, [101], data)
    for (const [start, length] of [
      [0, 101],
      [3, 50],
      [100, 1],
      [7, 0],
    ] as const) {
      const memory = new Float32Array(length + 2).fill(-1)
      await file.readF32Into('t', start, memory.subarray(1, length + 1))
      assert.equal([...memory], [-1, ...Array.from({ length }, (_, i) => expected(start + i)), -1], `${dtype} ${start}`)
    }
  }
})

safetensors('refuses an unknown tensor, a wrong dtype, a missing file, a folder', async () => {
  await using file = await oneTensor('I32', [1], Int32Array.of(1))
  await refused(() => file.readF32('u'), /holds no tensor "u"/)
  await refused(() => file.readF32('t'), /tensor "t" is I32, but F32, F16 or BF16 is needed/)
  await refused(() => file.readI64('t'), /tensor "t" is I32, but I64 is needed/)
  await refused(() => openSafetensors('/no/such.safetensors'), /^\/no\/such.safetensors: no such file/)
  await refused(() => openSafetensors(tempFolder()), /is not a file/)
})

safetensors('a file that shrinks or is closed while it is read is an error, not a hang', async () => {
  const path = rawSafetensors({ t: { dtype: 'U8', shape: [64], data_offsets: [0, 64] } }, 64)
  await using file = await openSafetensors(path)
  truncateSync(path, 100)
  await refused(() => file.readBytes('t'), /became shorter/)
  await file.close()
  await file.close()
  await refused(() => file.readBytes('t'), /was closed while it was read/)
})

safetensors('reads a golden case: inputs, metadata, outputs', async () => {
  await using file = await openSafetensors(goldenCases('misc-tiny-paper')[0]!)
  const { shape } = file.tensors.get('input_ids')!
  const ids = await file.readI64('input_ids')
  assert.is(ids.length, shape[0]! * shape[1]!)
  assert.ok(ids.every((id) => id >= 0 && id < 300))
  assert.is(file.metadata.get('case'), '0')
  const probs = await file.readF32('strategy.probs')
  assert.ok(Math.abs(probs.subarray(0, 8).reduce((sum, p) => sum + p, 0) - 1) < 1e-5)
})

safetensors('agrees with another reader, on a file without metadata', async () => {
  const path = `${tempFolder()}/model.safetensors`
  const values = { a: Float32Array.of(1, 2, 3), b: Float32Array.of(-0.5), c: new Float32Array(0) }
  const sources = Object.entries(values).map(([name, data]) => ({
    name,
    dtype: 'F32' as const,
    shape: [data.length],
    data: () => [data],
  }))
  await writeSafetensors(path, sources)
  const { SafeTensor } = createRequire(import.meta.url)('safetensors')
  const bytes = new Uint8Array(readFileSync(path))
  const other = new SafeTensor(new Uint8Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)))
  await using file = await openSafetensors(path)
  for (const [name, data] of Object.entries(values)) {
    assert.equal(Buffer.from(other.getTensor(name)), Buffer.from(data.buffer))
    assert.equal([...(await file.readF32(name))], [...data])
  }
})

safetensors('reading 400 MB part by part takes the memory that is given, and no more', async () => {
  const size = 400_000_000
  const header = { t: { dtype: 'F16', shape: [size / 2], data_offsets: [0, size] } }
  const path = rawSafetensors(header, 0)
  truncateSync(path, readFileSync(path).length + size)
  await using file = await openSafetensors(path)
  const before = process.memoryUsage().rss
  const memory = new Float32Array(1_000_000)
  let peak = before
  for (let start = 0; start < size / 2; start += memory.length) {
    await file.readF32Into('t', start, memory)
    peak = Math.max(peak, process.memoryUsage().rss)
  }
  assert.ok(memory.every((value) => value === 0))
  assert.ok(peak - before < 60e6, `grew by ${(peak - before) / 1e6} MB`)
  const beyond = file.readF32Into('t', size / 2, memory)
  assert.instance(await beyond.catch((error: Error) => error), RangeError)
})

safetensors.run()
