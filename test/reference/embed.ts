import { layerNorm } from './layer-norm.js'

/** LN(table[id] · scale + positionTable[position]) in float64: the plain twin of shaders/embed.wgsl. */
export function embed(
  ids: ArrayLike<number>,
  positions: ArrayLike<number>,
  table: ArrayLike<number>,
  positionTable: ArrayLike<number>,
  weight: ArrayLike<number>,
  bias: ArrayLike<number>,
  rows: number,
  scale: number,
): Float64Array {
  const d = weight.length
  const z = new Float64Array(rows * d)
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < d; c++) {
      z[row * d + c] = table[ids[row]! * d + c]! * scale + positionTable[positions[row]! * d + c]!
    }
  }
  return layerNorm(z, undefined, weight, bias, rows, 1e-5)
}
