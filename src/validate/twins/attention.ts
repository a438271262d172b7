import { softmax } from './softmax.js'

/** Columns `column` and on of a row-major matrix of `stride` columns. */
export interface Columns {
  readonly values: ArrayLike<number>
  readonly stride: number
  readonly column: number
}

/**
 * Softmax attention in float64, the plain twin of shaders/attention.wgsl: query rows of sequence s attend to its keys.
 * Sequences lie one after the other.
 */
export function attention(
  [q, k, v]: readonly [Columns, Columns, Columns],
  queryLengths: readonly number[],
  keyLengths: readonly number[],
  { heads, headDim, scale }: { heads: number; headDim: number; scale: number },
): Float64Array {
  const d = heads * headDim
  const out = new Float64Array(queryLengths.reduce((a, b) => a + b, 0) * d)
  let query = 0
  let key = 0
  queryLengths.forEach((length, s) => {
    for (let i = query; i < query + length; i++) {
      for (let head = 0; head < d; head += headDim) {
        const row = i * q.stride + q.column + head
        const scores = new Float64Array(keyLengths[s]!)
        for (let j = 0; j < scores.length; j++) {
          const keyRow = (key + j) * k.stride + k.column + head
          for (let c = 0; c < headDim; c++) scores[j]! += q.values[row + c]! * k.values[keyRow + c]!
          scores[j]! *= scale
        }
        softmax(scores).forEach((weight, j) => {
          const valueRow = (key + j) * v.stride + v.column + head
          for (let c = 0; c < headDim; c++) out[i * d + head + c]! += weight * v.values[valueRow + c]!
        })
      }
    }
    query += length
    key += keyLengths[s]!
  })
  return out
}
