import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { dtypeBits, elementCount } from '../../src/io/dtype.js'
import { openSafetensors, type SafetensorsFile } from '../../src/io/safetensors.js'
import { writeSafetensors } from '../../src/io/safetensors-writer.js'
import { bytesOf } from '../io/raw-safetensors.js'
import { caseFolder, kindsOf } from './cases.js'
import { changed, damaged, edited, jsonOf, oddNumber, oddText, rarely } from './values.js'

const files = kindsOf('safetensors')
const folder = caseFolder()

const tensor = fc.record({
  name: oddText,
  dtype: fc.constantFrom('F32', 'F16', 'BF16', 'I64', 'U8', 'BOOL', 'F4', 'F6_E2M3', 'C64'),
  shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
})

/** A header's object whose tensors follow each other, and the bytes of their data. */
const header = fc
  .tuple(
    fc.uniqueArray(tensor, { maxLength: 5, selector: ({ name }) => name }),
    fc.option(fc.dictionary(oddText, oddText, { maxKeys: 2 })),
  )
  .map(([tensors, metadata]) => {
    let end = 0
    const entries = tensors.map(({ name, dtype, shape }) => {
      const begin = end
      end += Math.floor((elementCount(shape) * dtypeBits(dtype)) / 8)
      return [name, { dtype, shape, data_offsets: [begin, end] }] as const
    })
    const rotated = [...entries.slice(2), ...entries.slice(0, 2)]
    return { json: Object.fromEntries([...(metadata ? [['__metadata__', metadata]] : []), ...rotated]), bytes: end }
  })

const sizes = fc.oneof(oddNumber, fc.array(oddNumber, { maxLength: 4 }))
const file = header.chain(({ json, bytes }) =>
  fc
    .record({
      text: edited(
        fc.oneof(fc.constant(json), changed(fc.constant(json)), changed(fc.constant(json), sizes)).map(jsonOf),
      ),
      more: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: -9, max: 9 })),
      claimed: rarely(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
      seed: fc.nat(255),
    })
    .map(({ text, more, claimed, seed }) => {
      const head = Buffer.from(text)
      const length = Buffer.alloc(8)
      length.writeBigUInt64LE(claimed ?? BigInt(head.length))
      const data = Uint8Array.from({ length: Math.max(0, bytes + more) }, (_, i) => (i * 37 + seed) % 256)
      return Buffer.concat([length, head, data])
    }),
)

const contents = async (it: SafetensorsFile) =>
  Promise.all(
    [...it.tensors.values()].map(async ({ name, dtype, shape }) => [name, dtype, shape, await it.readBytes(name)]),
  )

const path = join(folder, 'a.safetensors')
const copy = join(folder, 'b.safetensors')

files.add({
  name: 'a file is read to the last byte, as it is written again, or refused',
  cases: fc.tuple(fc.oneof(file, damaged(file)), fc.nat(7)),
  read: async ([bytes, chance]) => {
    writeFileSync(path, bytes)
    await using it = await openSafetensors(path)
    let at = 8 + Number(bytes.readBigUInt64LE())
    for (const { name, dtype, shape, byteOffset, byteLength } of it.tensors.values()) {
      assert.is(byteOffset, at)
      at += byteLength
      assert.is(
        BigInt(byteLength) * 8n,
        shape.reduce((bits, size) => bits * BigInt(size), BigInt(dtypeBits(dtype))),
      )
      assert.equal(Buffer.from(await it.readBytes(name)), bytes.subarray(byteOffset, at))
      if (dtype === 'F32' || dtype === 'F16' || dtype === 'BF16') {
        assert.is((await it.readF32(name)).length, elementCount(shape))
      }
    }
    assert.is(at, bytes.length)
    // Writing waits for the disk, so not all of them are.
    if (chance > 0) return
    const again = [...it.tensors.values()].map((info) => ({ ...info, data: () => bytesOf(it, info.name) }))
    await writeSafetensors(copy, again, Object.fromEntries(it.metadata))
    await using other = await openSafetensors(copy)
    assert.equal(await contents(other), await contents(it))
    assert.equal([...other.metadata].sort(), [...it.metadata].sort())
  },
})

files.run()
