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
  const at = ({ values, stride, column }: Columns, row: number, c: number) => values[row * stride + column + c]!
  const d = heads * headDim
  const out = new Float64Array(queryLengths.reduce((a, b) => a + b, 0) * d)
  let query = 0
  let key = 0
  queryLengths.forEach((length, s) => {
    for (let i = query; i < query + length; i++) {
      for (let head = 0; head < d; head += headDim) {
        const scores = Array.from({ length: keyLengths[s]! }, (_, j) => {
          let score = 0
          for (let c = head; c < head + headDim; c++) score += at(q, i, c) * at(k, key + j, c)
          return score * scale
        })
        softmax(scores).forEach((weight, j) => {
          for (let c = head; c < head + headDim; c++) out[i * d + c]! += weight * at(v, key + j, c)
        })
      }
    }
    query += length
    key += keyLengths[s]!
  })
  return out
}
