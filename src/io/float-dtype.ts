import { dtypeBits } from './dtype.js'
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from './half.js'

/** The dtypes that weights are read from, */
export const floatDtypes = ['F64', 'F32', 'F16', 'BF16'] as const
export type FloatDtype = (typeof floatDtypes)[number]
/** and those that they are written in. */
export type WeightFileDtype = Exclude<FloatDtype, 'F64'>

/** Magnitudes from here on are rounded to infinity. */
const overflow: Record<WeightFileDtype, number> = {
  F32: (2 - 2 ** -24) * 2 ** 127,
  F16: 65520,
  BF16: (2 - 2 ** -8) * 2 ** 127,
}

/**
 * Values in another dtype, rounded to nearest, ties to even. (F64 goes by way of F32, as it does in torch.)
 *
 * @param bytes of whole elements; aligned to them
 * @throws RangeError where a finite value is too large for `to`
 */
export function convertFloats(bytes: Uint8Array<ArrayBuffer>, from: FloatDtype, to: WeightFileDtype): Uint8Array {
  if (from === to) return bytes
  const { buffer, byteOffset } = bytes
  const count = (bytes.length * 8) / dtypeBits(from)
  const doubles = from === 'F64' ? new Float64Array(buffer, byteOffset, count) : undefined
  const halves = from === 'F16' || from === 'BF16' ? new Uint16Array(buffer, byteOffset, count) : undefined
  const singles = halves
    ? new Float32Array(count)
    : new Float32Array(doubles ?? new Float32Array(buffer, byteOffset, count))
  if (halves) (from === 'F16' ? f16ToF32 : bf16ToF32)(halves, singles)

  const values = doubles ?? singles
  const limit = overflow[to]
  for (let i = 0; i < count; i++) {
    const size = Math.abs(values[i]!)
    if (size >= limit && size !== Number.POSITIVE_INFINITY) throw new RangeError(`${values[i]} is too large for ${to}`)
  }
  if (to === 'F32') return new Uint8Array(singles.buffer)
  const target = new Uint16Array(count)
  if (to === 'F16') f32ToF16(singles, target)
  else f32ToBf16(singles, target)
  return new Uint8Array(target.buffer)
}
