import { attend } from './cached-attention.js'

/** The plain twin of shaders/cross-attention.wgsl. */
export function crossAttention(
  q: Float32Array,
  sources: readonly Float32Array[],
  ranges: Uint32Array,
  sizes: { newRows: number; heads: number; d: number; stride: number; keyColumn: number; valueColumn: number },
): Float64Array {
  const { newRows, heads, d, stride, keyColumn, valueColumn } = sizes
  const out = new Float64Array(q.length)
  for (let row = 0; row * sources.length * d < q.length; row++) {
    sources.forEach((kv, source) => {
      const at = (Math.floor(row / newRows) * sources.length + source) * 2
      const [first, end] = [ranges[at]!, ranges[at + 1]!]
      const columns = (start: number) => (r: number, c: number) => kv[(first + r) * stride + start + c]!
      const start = (row * sources.length + source) * d
      const rows = { count: end - first, key: columns(keyColumn), value: columns(valueColumn) }
      out.set(attend(q.subarray(start, start + d), heads, rows), start)
    })
  }
  return out
}
