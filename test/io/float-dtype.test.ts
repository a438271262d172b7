import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { convertFloats, type FloatDtype, floatDtypes, type WeightFileDtype } from '../../src/io/float-dtype.js'

const floats = suite('io/float-dtype')

const arrays = { F64: Float64Array, F32: Float32Array, F16: Uint16Array, BF16: Uint16Array }
const bytesOf = (dtype: FloatDtype, ...values: number[]) => new Uint8Array(arrays[dtype].from(values).buffer)
const convert = (from: FloatDtype, to: WeightFileDtype, ...values: number[]) => {
  const { buffer, byteOffset, byteLength } = convertFloats(bytesOf(from, ...values), from, to)
  return [...new arrays[to](buffer as ArrayBuffer, byteOffset, byteLength / arrays[to].BYTES_PER_ELEMENT)]
}

floats('values that every dtype has stay what they are, from each to each', () => {
  const patterns = { F64: [1, -0.5, 0, -2], F32: [1, -0.5, 0, -2] }
  const halves = { F16: [0x3c00, 0xb800, 0, 0xc000], BF16: [0x3f80, 0xbf00, 0, 0xc000] }
  const all: Record<FloatDtype, number[]> = { ...patterns, ...halves }
  for (const from of floatDtypes) {
    for (const to of ['F32', 'F16', 'BF16'] as const) assert.equal(convert(from, to, ...all[from]), all[to])
  }
})

floats('rounds to nearest, ties to even', () => {
  assert.equal(convert('F64', 'F32', 1 + 2 ** -24, 1 + 3 * 2 ** -24), [1, 1 + 2 ** -22])
  assert.equal(convert('F32', 'BF16', 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20), [0x3f80, 0x3f82, 0x3f81])
  assert.equal(convert('F32', 'F16', 1 + 2 ** -11, 1 + 3 * 2 ** -11), [0x3c00, 0x3c02])
})

floats('infinities and NaNs stay; what would become infinite is refused', () => {
  const [inf, minus, nan] = convert('F32', 'BF16', Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN)
  assert.equal([inf, minus, nan! & 0x7fc0], [0x7f80, 0xff80, 0x7fc0])
  assert.equal(convert('F64', 'F32', Number.NEGATIVE_INFINITY), [Number.NEGATIVE_INFINITY])
  assert.equal(convert('F32', 'F16', 65519), [0x7bff])
  const large = 3.4e38
  for (const [from, to, value] of [
    ['F32', 'F16', 65520],
    ['F32', 'F16', -1e9],
    ['F64', 'F32', 1e39],
    ['F32', 'BF16', large],
    ['BF16', 'F16', 0x4f80],
  ] as const) {
    assert.throws(
      () => convert(from, to, value),
      (error: unknown) => error instanceof RangeError,
    )
  }
  assert.equal(convert('F64', 'F32', large), [Math.fround(large)])
})

floats.run()
