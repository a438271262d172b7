import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InputError } from '../../src/errors.js'
import { openSafetensors } from '../../src/io/safetensors.js'
import { parseSafetensorsHeader } from '../../src/io/safetensors-header.js'
import { randomIntegers } from '../random.js'
import { refused } from '../throws.js'
import { rawFile, rawSafetensors } from './raw-safetensors.js'

const header = suite('io/safetensors-header')

/** One F32 tensor of four bytes, with parts replaced. */
const one = (parts: object) => ({ t: { dtype: 'F32', shape: [1], data_offsets: [0, 4], ...parts } })
const u8 = (begin: number, end: number) => ({ dtype: 'U8', shape: [end - begin], data_offsets: [begin, end] })
/** The same with numbers that JSON.stringify cannot write. */
const text = (shape: string, offsets = '[0,4]') => `{"t":{"dtype":"F32","shape":${shape},"data_offsets":${offsets}}}`

const hostile: Record<string, [path: () => string, cause: RegExp]> = {
  'an empty file': [() => rawFile(new Uint8Array(0)), /0 bytes, fewer than the 8/],
  'seven bytes': [() => rawFile(new Uint8Array(7)), /7 bytes, fewer than the 8/],
  'a header of 2^60 bytes': [() => rawSafetensors('{}', 0, 2n ** 60n), /1152921504606846976 bytes, over/],
  'a header of 2^64 - 1 bytes': [() => rawSafetensors('{}', 0, 2n ** 64n - 1n), /over the format's/],
  'a header over the limit': [() => rawSafetensors('{}', 0, 100_000_001n), /over the format's 100,000,000/],
  'a header past the end': [() => rawSafetensors('{}', 0, 3n), /truncated: the header claims 3 bytes/],
  'no header at all': [() => rawSafetensors('', 0), /not valid JSON/],
  'a header that is not UTF-8': [() => rawSafetensors(Buffer.from([0x7b, 0xff, 0x7d])), /not UTF-8/],
  'a byte order mark': [() => rawSafetensors('\ufeff{}'), /not valid JSON/],
  'bad JSON': [() => rawSafetensors('{"t":'), /not valid JSON/],
  'text after the JSON': [() => rawSafetensors('{}x'), /more text after the end/],
  'NUL padding': [() => rawSafetensors('{}\0'), /more text after the end/],
  'a list for a header': [() => rawSafetensors('[]'), /not a JSON object/],
  'a number for a header': [() => rawSafetensors('1'), /not a JSON object/],
  'deep nesting': [() => rawSafetensors('['.repeat(10_000)), /nested deeper/],
  'a name twice': [() => rawSafetensors('{"t":1,"t":1}'), /key "t" twice/],
  'a name twice, once escaped': [() => rawSafetensors('{"t":1,"\\u0074":1}'), /key "t" twice/],
  'a key twice in a tensor': [() => rawSafetensors('{"t":{"dtype":"F32","dtype":"F32"}}'), /key "dtype" twice/],
  'a key twice in the metadata': [() => rawSafetensors('{"__metadata__":{"a":"1","a":"2"}}'), /key "a" twice/],
  'metadata that is a list': [() => rawSafetensors({ __metadata__: [] }), /__metadata__ is not an object/],
  'metadata with a number': [
    () => rawSafetensors({ __metadata__: { a: 1 } }),
    /__metadata__ entry "a" is not a string/,
  ],
  'metadata with an object': [() => rawSafetensors({ __metadata__: { a: {} } }), /entry "a" is not a string/],
  'a tensor that is a list': [() => rawSafetensors({ t: [] }), /tensor "t" is not described by an object/],
  'no dtype': [() => rawSafetensors(one({ dtype: undefined }), 4), /tensor "t" has no dtype/],
  'no shape': [() => rawSafetensors(one({ shape: undefined }), 4), /tensor "t" has no shape/],
  'no offsets': [() => rawSafetensors(one({ data_offsets: undefined }), 4), /tensor "t" has no data_offsets/],
  'an unknown dtype': [() => rawSafetensors(one({ dtype: 'F31' }), 4), /tensor "t" has an unknown dtype "F31"/],
  'a dtype in lower case': [() => rawSafetensors(one({ dtype: 'f32' }), 4), /unknown dtype "f32"/],
  'a dtype from Object.prototype': [() => rawSafetensors(one({ dtype: 'toString' }), 4), /unknown dtype/],
  'a dtype that is a number': [() => rawSafetensors(one({ dtype: 32 }), 4), /unknown dtype/],
  'a shape that is a number': [() => rawSafetensors(one({ shape: 1 }), 4), /shape that is not a list/],
  'a size that is a string': [
    () => rawSafetensors(one({ shape: ['1'] }), 4),
    /size in its shape that is not an integer/,
  ],
  'a negative size': [() => rawSafetensors(one({ shape: [-1] }), 4), /negative size in its shape/],
  'a fractional size': [() => rawSafetensors(one({ shape: [1.5] }), 4), /not an integer/],
  'a size of 1.0': [() => rawSafetensors(text('[1.0]'), 4), /not an integer/],
  'a size of 1e0': [() => rawSafetensors(text('[1e0]'), 4), /not an integer/],
  'a size beyond 2^53': [() => rawSafetensors(text('[9007199254740993,0]', '[0,0]')), /beyond 2\^53/],
  'a size beyond 2^64': [() => rawSafetensors(text('[18446744073709551617]'), 4), /beyond 2\^53/],
  'offsets beyond 2^53': [
    () => rawSafetensors(text('[1]', '[9007199254740992,9007199254740996]'), 4),
    /offset beyond 2\^53/,
  ],
  'a negative offset': [() => rawSafetensors(one({ data_offsets: [-4, 0] }), 4), /negative data offset/],
  'a fractional offset': [() => rawSafetensors(one({ data_offsets: [0, 4.5] }), 4), /not an integer/],
  'one offset': [() => rawSafetensors(one({ data_offsets: [4] }), 4), /not a pair/],
  'three offsets': [() => rawSafetensors(one({ data_offsets: [0, 4, 4] }), 4), /not a pair/],
  'offsets that are an object': [() => rawSafetensors(one({ data_offsets: {} }), 4), /not a pair/],
  'an end before its begin': [
    () => rawSafetensors(one({ data_offsets: [4, 0] }), 4),
    /ends at byte 0, before it begins at 4/,
  ],
  'a size that overflows': [() => rawSafetensors(one({ shape: [2 ** 40, 2 ** 40] }), 4), /overflows 64 bits/],
  'an overflow before a zero': [
    () => rawSafetensors(one({ shape: [2 ** 40, 2 ** 40, 0], data_offsets: [0, 0] })),
    /overflows/,
  ],
  'a shape too large for its bytes': [
    () => rawSafetensors(one({ shape: [2] }), 4),
    /\[2\] and dtype F32 needs 8 bytes.*give 4/,
  ],
  'a shape too small for its bytes': [
    () => rawSafetensors(one({ shape: [], data_offsets: [0, 8] }), 8),
    /needs 4 bytes.*give 8/,
  ],
  'half a byte': [
    () => rawSafetensors({ t: { dtype: 'F4', shape: [3], data_offsets: [0, 1] } }, 1),
    /does not fill whole bytes/,
  ],
  'a first tensor not at 0': [() => rawSafetensors({ t: u8(4, 8) }, 8), /hole of 4 bytes lies before tensor "t"/],
  'a hole': [() => rawSafetensors({ a: u8(0, 4), b: u8(8, 12) }, 12), /hole of 4 bytes lies before tensor "b"/],
  'an overlap': [() => rawSafetensors({ a: u8(0, 4), b: u8(2, 6) }, 6), /tensor "b" overlaps/],
  'two tensors in one place': [() => rawSafetensors({ a: u8(0, 4), b: u8(0, 4) }, 4), /overlaps/],
  'missing bytes': [() => rawSafetensors({ a: u8(0, 4) }, 3), /truncated: the tensors need/],
  'trailing bytes': [() => rawSafetensors({ a: u8(0, 4) }, 6), /2 bytes follow the last tensor/],
  'trailing bytes after no tensors': [() => rawSafetensors('{}', 1), /1 bytes follow/],
}

for (const [what, [path, cause]] of Object.entries(hostile)) {
  header(`refuses ${what}`, async () => {
    const file = path()
    await refused(() => openSafetensors(file), cause, /not a sound safetensors file, download or convert it again$/)
    await refused(() => openSafetensors(file), new RegExp(`^${file}: `))
  })
}

header('refuses a long name with control characters in one short line', () =>
  refused(() => openSafetensors(rawSafetensors({ [`a\n${'b'.repeat(10_000)}`]: 1 })), /tensor "a\\nbbb/, /^.{0,400}$/),
)

header('accepts zero sizes, rank 0, an empty header and padding', async () => {
  for (const [content, bytes, shapes] of [
    ['{}', 0, {}],
    ['  {}   ', 0, {}],
    [{ __metadata__: {} }, 0, {}],
    ['{"__metadata__":null}', 0, {}],
    [{ t: { dtype: 'F32', shape: [], data_offsets: [0, 4] } }, 4, { t: [] }],
    [{ t: { dtype: 'F32', shape: [3, 0], data_offsets: [0, 0] } }, 0, { t: [3, 0] }],
    [{ b: u8(2, 4), z: u8(2, 2), a: u8(0, 2) }, 4, { a: [2], z: [0], b: [2] }],
    [{ t: { ...u8(0, 4), note: 1.5 } }, 4, { t: [4] }],
    ['{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1, { ['__proto__']: [1] }],
    [{ t: { dtype: 'F4', shape: [4], data_offsets: [0, 2] } }, 2, { t: [4] }],
  ] as const) {
    const file = await openSafetensors(rawSafetensors(content, bytes))
    assert.equal(
      [...file.tensors].map(([name, { shape }]) => [name, shape]),
      Object.entries(shapes),
    )
    await file.close()
  }
})

header('knows every dtype and its size', async () => {
  const bits = { BOOL: 8, U8: 8, I8: 8, F8_E4M3: 8, F8_E5M2: 8, F8_E8M0: 8, I16: 16, U16: 16, F16: 16, BF16: 16 }
  const wide = { I32: 32, U32: 32, F32: 32, F64: 64, I64: 64, U64: 64, C64: 64, F6_E2M3: 6, F6_E3M2: 6, F4: 4 }
  for (const [dtype, size] of Object.entries({ ...bits, ...wide })) {
    const file = await openSafetensors(
      rawSafetensors({ t: { dtype, shape: [4], data_offsets: [0, size / 2] } }, size / 2),
    )
    assert.is(file.tensors.get('t')!.byteLength, size / 2)
    await file.close()
  }
})

header('random damage to a header gives an InputError or a header, never another error', () => {
  const next = randomIntegers(7)
  const sound = Buffer.from(
    JSON.stringify({
      __metadata__: { format: 'pt', é: '"\\' },
      'model.a': { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
      'model.b': { dtype: 'F16', shape: [], data_offsets: [24, 26] },
      'model.c': { dtype: 'I64', shape: [1, 1], data_offsets: [26, 34] },
    }),
  )
  let refusals = 0
  for (let round = 0; round < 3000; round++) {
    let bytes = Buffer.from(sound)
    for (let damage = 0; damage <= next(4); damage++) {
      const at = next(bytes.length)
      const kind = next(4)
      if (kind === 0) bytes[at] = bytes[at]! ^ (1 << next(8))
      else if (kind === 1) bytes[at] = next(256)
      else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + next(5))])
      else bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(next(at + 1))])
    }
    try {
      parseSafetensorsHeader(bytes, 8 + bytes.length + 34, 'file')
    } catch (error) {
      assert.instance(error, InputError, `${(error as Error).stack}\n${bytes}`)
      refusals++
    }
  }
  assert.ok(refusals > 2000, `${refusals} refusals`)
})

header.run()
