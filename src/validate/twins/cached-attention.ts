/** What the attention heads of one row see: the columns of `count` keys and of as many values, by row. */
export interface AttendedRows {
  readonly count: number
  readonly key: (row: number, column: number) => number
  readonly value: (row: number, column: number) => number
}

/** softmax(q·K / √e) V of one row, head by head, in float64; zeros where there is nothing to attend to. */
export function attend(q: ArrayLike<number>, heads: number, { count, key, value }: AttendedRows): Float64Array {
  const e = q.length / heads
  const out = new Float64Array(q.length)
  for (let head = 0; head < heads; head++) {
    const columns = Array.from({ length: e }, (_, c) => head * e + c)
    const scores = Array.from({ length: count }, (_, row) =>
      columns.reduce((sum, c) => sum + (q[c]! * key(row, c)) / Math.sqrt(e), 0),
    )
    const largest = Math.max(...scores)
    const weights = scores.map((score) => Math.exp(score - largest))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    for (const c of columns) {
      out[c] = weights.reduce((sum, weight, row) => sum + (weight / total) * value(row, c), 0)
    }
  }
  return out
}

/** The plain twin of shaders/cached-attention.wgsl: returns the output, and changes `keys` and `values` as the op does. */
export function cachedAttention(
  qkv: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  { lengths, table }: { lengths: Uint32Array; table: Uint32Array },
  { newRows, heads, d, maxPositions }: { newRows: number; heads: number; d: number; maxPositions: number },
): Float64Array {
  const sequences = lengths.length
  const columns = table.length / sequences
  const out = new Float64Array(sequences * newRows * d)
  for (let s = 0; s < sequences; s++) {
    const length = Math.min(lengths[s]!, maxPositions)
    const place = (row: number) => (table[s * columns + Math.min(row, columns - 1)]! * maxPositions + row) * d
    const part = (row: number, which: number) => qkv.subarray((row * 3 + which) * d, (row * 3 + which + 1) * d)
    const seen = (cache: Float32Array, which: number) => (row: number, c: number) =>
      row < length ? cache[place(row) + c]! : part(s * newRows + row - length, which)[c]!
    for (let j = 0; j < newRows; j++) {
      const row = s * newRows + j
      const rows = { count: length + j + 1, key: seen(keys, 1), value: seen(values, 2) }
      out.set(attend(part(row, 0), heads, rows), row * d)
    }
    for (let j = 0; j < newRows && length + j < maxPositions; j++) {
      keys.set(part(s * newRows + j, 1), place(length + j))
      values.set(part(s * newRows + j, 2), place(length + j))
    }
  }
  return out
}
