/** Conversions between F16 or BF16 bit patterns and F32. */

/** F32 bit pattern of every F16 bit pattern: 256 KiB, made on first use. */
let f16Bits: Uint32Array | undefined

function f16Table(): Uint32Array {
  if (f16Bits) return f16Bits
  f16Bits = new Uint32Array(65536)
  for (let half = 0; half < 65536; half++) {
    const sign = (half & 0x8000) << 16
    const exponent = (half >> 10) & 31
    const mantissa = half & 1023
    if (exponent === 31) f16Bits[half] = sign | 0x7f800000 | (mantissa << 13)
    else if (exponent > 0) f16Bits[half] = sign | ((exponent + 112) << 23) | (mantissa << 13)
    else if (mantissa === 0) f16Bits[half] = sign
    else {
      // Subnormal: shift the leading one up to where a normal number keeps it implicit.
      const shift = Math.clz32(mantissa) - 21
      f16Bits[half] = sign | ((113 - shift) << 23) | (((mantissa << shift) & 1023) << 13)
    }
  }
  return f16Bits
}

/**
 * Converts F16 bit patterns to F32, exactly and in order; NaN payloads are kept. `target` must hold `source.length` values;
 * `source` may be its far half.
 */
export function f16ToF32(source: Uint16Array, target: Float32Array): void {
  const table = f16Table()
  const bits = new Uint32Array(target.buffer, target.byteOffset, source.length)
  for (let i = 0; i < source.length; i++) bits[i] = table[source[i]!]!
}

/** Converts BF16 bit patterns to F32, as {@link f16ToF32} does F16. */
export function bf16ToF32(source: Uint16Array, target: Float32Array): void {
  const bits = new Uint32Array(target.buffer, target.byteOffset, source.length)
  for (let i = 0; i < source.length; i++) bits[i] = source[i]! << 16
}

/**
 * Rounds F32 to F16 bit patterns, to nearest, ties to even. Magnitudes from 65520 on become infinity; a NaN stays a
 * NaN. `target` must hold `source.length` values.
 */
export function f32ToF16(source: Float32Array, target: Uint16Array): void {
  // Signed, so that every value is a small integer to the compiler.
  const bits = new Int32Array(source.buffer, source.byteOffset, source.length)
  for (let i = 0; i < bits.length; i++) target[i] = roundToF16(bits[i]!)
}

function roundToF16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >> 13) & 0x3ff)
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude >= 0x38800000) {
    // Normal: rebias the exponent, add just under half a unit, plus the last kept bit for ties to even.
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13)
  }
  if (magnitude < 0x33000000) return sign
  const shift = 126 - (magnitude >> 23)
  const mantissa = (magnitude & 0x7fffff) | 0x800000
  const kept = mantissa >> shift
  const rest = mantissa & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0))
}

/** Rounds F32 to BF16 bit patterns, to nearest, ties to even; a NaN stays a NaN. */
export function f32ToBf16(source: Float32Array, target: Uint16Array): void {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length)
  for (let i = 0; i < bits.length; i++) {
    const value = bits[i]!
    const isNan = (value & 0x7fffffff) > 0x7f800000
    // A NaN whose payload lies in the lower half only would become infinity.
    target[i] = isNan ? (value >>> 16) | 0x40 : (value + 0x7fff + ((value >>> 16) & 1)) >>> 16
  }
}
