/**
 * Integer arithmetic that WGSL has too, so that a draw comes out the same on every adapter: 32-bit words, and sums of
 * weights below 2^48.
 */

/** The upper 32 bits of the product of two u32. */
export function multiplyHigh(a: number, b: number): number {
  const low = (a & 0xffff) * b
  return Math.floor(((a >>> 16) * b + Math.floor(low / 0x10000)) / 0x10000)
}

/** `floor(sum · fraction / 2^32)` for a u32 `fraction` and a `sum` below 2^48: the part of a sum. */
export function fractionOf(sum: number, fraction: number): number {
  return Number((BigInt(sum) * BigInt(fraction)) >> 32n)
}
