import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from '../../src/io/half.js'
import { randomIntegers } from '../random.js'

const half = suite('io/half')
const every = Uint16Array.from({ length: 65536 }, (_, i) => i)

/** IEEE 754 binary16, by its definition. */
function valueOfHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = (bits & 1023) / 1024
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction) : sign * 2 ** -14 * fraction
}

half('F16 to F32 is exact for all 65536 values', () => {
  const target = new Float32Array(65536)
  f16ToF32(every, target)
  for (const bits of every) {
    if (!Object.is(target[bits], valueOfHalf(bits)))
      assert.is(target[bits], valueOfHalf(bits), `0x${bits.toString(16)}`)
  }
})

half('BF16 to F32 is exact for all 65536 values', () => {
  const target = new Float32Array(65536)
  bf16ToF32(every, target)
  const view = new DataView(new ArrayBuffer(4))
  for (const bits of every) {
    view.setUint16(0, bits)
    const expected = view.getFloat32(0)
    if (!Object.is(target[bits], expected)) assert.is(target[bits], expected, `0x${bits.toString(16)}`)
  }
})

half('F32 to F16 gives every F16 value back, and keeps a NaN', () => {
  const wide = new Float32Array(65536)
  const back = new Uint16Array(65536)
  f16ToF32(every, wide)
  f32ToF16(wide, back)
  for (const bits of every) {
    if (Number.isNaN(valueOfHalf(bits))) assert.ok(Number.isNaN(valueOfHalf(back[bits]!)))
    else if (back[bits] !== bits) assert.is(back[bits], bits)
  }
})

half('F32 to F16 rounds to nearest, ties to even, between every two neighbours', () => {
  const source = new Float32Array(3)
  const bits = new Uint32Array(source.buffer)
  const target = new Uint16Array(3)
  for (let low = 0; low < 0x7c00; low++) {
    // The neighbour of the largest value is what the next would be, were the exponent not at its end.
    const high = low === 0x7bff ? 65536 : valueOfHalf(low + 1)
    source[1] = (valueOfHalf(low) + high) / 2
    bits[0] = bits[1]! - 1
    bits[2] = bits[1]! + 1
    f32ToF16(source, target)
    const expected = [low, low + (low & 1), low + 1]
    if (target.join() !== expected.join()) assert.equal([...target], expected)
    source[1] = -source[1]!
    f32ToF16(source, target)
    if (target[1] !== (expected[1]! | 0x8000)) assert.is(target[1], expected[1]! | 0x8000)
  }
})

half('F32 to F16: the extremes', () => {
  const source = Float32Array.of(0, -0, 1e-45, -1e-45, 65519.99, 65520, 1e38, -1e38, Infinity, -Infinity, NaN)
  const target = new Uint16Array(source.length)
  f32ToF16(source, target)
  assert.equal([...target.subarray(0, 4)], [0, 0x8000, 0, 0x8000])
  assert.equal([...target.subarray(4, 10)], [0x7bff, 0x7c00, 0x7c00, 0xfc00, 0x7c00, 0xfc00])
  assert.ok(Number.isNaN(valueOfHalf(target[10]!)))
})

half('converts views that do not begin at their buffer’s start', () => {
  const next = randomIntegers(1)
  const source = Uint16Array.from({ length: 10 }, () => next(0x7c00)).subarray(3)
  const target = new Float32Array(10).subarray(3)
  f16ToF32(source, target)
  assert.equal([...target], [...source].map(valueOfHalf))
  const back = new Uint16Array(10).subarray(3)
  f32ToF16(target, back)
  assert.equal([...back], [...source])
})

half('F32 to BF16 gives every BF16 value back, keeps a NaN, and rounds to nearest, ties to even', () => {
  const wide = new Float32Array(65536)
  const back = new Uint16Array(65536)
  bf16ToF32(every, wide)
  f32ToBf16(wide, back)
  for (const bits of every) {
    const isNan = (bits & 0x7fff) > 0x7f80
    if (isNan ? (back[bits]! & 0x7fff) <= 0x7f80 : back[bits] !== bits) assert.is(back[bits], bits)
  }
  const bits = new Uint32Array(4)
  const target = new Uint16Array(4)
  for (const sign of [0, 0x8000]) {
    for (let low = sign; low < sign + 0x7f80; low++) {
      bits.set([0x7fff, 0x8000, 0x8001, 0xffff].map((rest) => ((low << 16) | rest) >>> 0))
      f32ToBf16(new Float32Array(bits.buffer), target)
      const expected = [low, low + (low & 1), low + 1, low + 1]
      if (target.some((value, i) => value !== expected[i])) assert.equal([...target], expected)
    }
  }
  // A NaN whose payload lies in the half that is dropped.
  bits.fill(0x7f800001)
  f32ToBf16(new Float32Array(bits.buffer), target)
  assert.ok(target[0]! > 0x7f80)
})

half.run()
