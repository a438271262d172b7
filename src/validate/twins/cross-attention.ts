import { attend } from './cached-attention.js'

/** The plain twin of shaders/cross-attention.wgsl. */
export function crossAttention(
  q: Float32Array,
  kv: Float32Array,
  ranges: Uint32Array,
  slots: readonly number[],
  {
    sources,
    newRows,
    heads,
    d,
    slotRows,
  }: Readonly<Record<'sources' | 'newRows' | 'heads' | 'd' | 'slotRows', number>>,
): Float64Array {
  const out = new Float64Array(q.length)
  for (let row = 0; row * sources * d < q.length; row++) {
    for (let source = 0; source < sources; source++) {
      const slot = slots[Math.floor(row / newRows)]!
      const at = (slot * sources + source) * 2
      const [first, end] = [ranges[at]!, ranges[at + 1]!]
      const e = d / heads
      const columns = (start: number) => (r: number, c: number) => {
        const kvRow = (slot * heads + Math.floor(c / e)) * slotRows + first + r
        return kv[kvRow * 2 * e + start + (c % e)]!
      }
      const start = (row * sources + source) * d
      const rows = { count: end - first, key: columns(0), value: columns(e) }
      out.set(attend(q.subarray(start, start + d), heads, rows), start)
    }
  }
  return out
}
