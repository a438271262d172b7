/**
 * A row and the two before it side by side, out[3c + j] = x[j − 2, c], with zeros before the first: what shaders/row.windowed.wgsl
 * and, of one new row, shaders/cached-windows.wgsl lay out.
 *
 * @param x the new row, [d]
 * @param last [slots, 3, d]: of row i, at i % 3
 * @param length rows that came before
 * @param table the row table: the slot of row j, at column j or the last
 * @returns [3d]
 */
export function cachedWindow(
  x: ArrayLike<number>,
  last: ArrayLike<number>,
  length: number,
  table: ArrayLike<number>,
): Float64Array {
  const d = x.length
  const kept = (row: number, c: number): number => {
    if (row < 0) return 0
    const slot = table[Math.min(row, table.length - 1)]!
    return last[(slot * 3 + (row % 3)) * d + c]!
  }
  return Float64Array.from({ length: 3 * d }, (_, i) => {
    const [c, j] = [Math.floor(i / 3), i % 3]
    return j === 2 ? x[c]! : kept(length + j - 2, c)
  })
}
