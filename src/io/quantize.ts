/**
 * Rounds rows of values to 8-bit integers, each row by a scale of its own: value ≈ integer · scale, with scale =
 * (the row's largest magnitude) / 127, so that an error is at most half a scale. A row of zeros has scale 0.
 *
 * @param values whole rows of `columns` values
 * @param integers as many, from -127 to 127
 * @param scales one for every row
 */
export function quantizeRows(values: Float32Array, columns: number, integers: Int8Array, scales: Float32Array): void {
  for (let row = 0, start = 0; start < values.length; row++, start += columns) {
    const end = start + columns
    let largest = 0
    for (let i = start; i < end; i++) largest = Math.max(largest, Math.abs(values[i]!))
    scales[row] = largest / 127
    const scale = scales[row]!
    // A scale so small that it rounds to nothing: its row is zeros.
    const inverse = scale > 0 ? 1 / scale : 0
    for (let i = start; i < end; i++) integers[i] = Math.max(-127, Math.min(127, Math.round(values[i]! * inverse)))
  }
}
