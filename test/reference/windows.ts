/**
 * Windows of three rows of one sequence, the middle one at row + `offset`, zeros beyond its ends: the plain twin of
 * shaders/windows.wgsl (offset 0) and shaders/cached-windows.wgsl (offset −1).
 *
 * @param x [rows, d]
 * @returns [rows, d, 3]
 */
export function windows(x: ArrayLike<number>, d: number, offset: 0 | -1): Float64Array {
  const rows = x.length / d
  return Float64Array.from({ length: rows * d * 3 }, (_, i) => {
    const [row, c, j] = [Math.floor(i / (3 * d)), Math.floor(i / 3) % d, i % 3]
    const from = row + j - 1 + offset
    return from >= 0 && from < rows ? x[from * d + c]! : 0
  })
}
