/** Adding and taking away 1.5 · 2^52 leaves of a number of modest size the nearest integer, of two the even one. */
const rounder = 1.5 * 2 ** 52

/** The least normal f32: a scale below it would be rounded itself. */
const leastScale = 2 ** -126

/**
 * Rounds rows of values to 8-bit integers, each row by a scale of its own: value ≈ integer · scale, with scale =
 * (the row's largest magnitude) / 127, so that an error is at most half a scale. A row of zeros, or of next to nothing,
 * becomes zeros. Where a row holds a value that is not finite, neither is its scale.
 *
 * @param values whole rows of `columns` values
 * @param integers as many, from -127 to 127
 * @param scales one for every row
 */
export function quantizeRows(values: Float32Array, columns: number, integers: Int8Array, scales: Float32Array): void {
  // As integers, magnitudes compare faster, and a NaN is above all.
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const largestBits = new Uint32Array(1)
  const largest = new Float32Array(largestBits.buffer)
  for (let row = 0, start = 0; start < values.length; row++, start += columns) {
    const end = start + columns
    let most = 0
    for (let i = start; i < end; i++) {
      const magnitude = bits[i]! & 0x7fffffff
      if (magnitude > most) most = magnitude
    }
    largestBits[0] = most
    scales[row] = largest[0]! / 127
    const inverse = scales[row]! >= leastScale ? 1 / scales[row]! : 0
    for (let i = start; i < end; i++) integers[i] = values[i]! * inverse + rounder - rounder
  }
}
