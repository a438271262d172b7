import { layerNorm } from './layer-norm.js'

/** What {@link embed} computes on. */
export interface EmbedValues {
  readonly ids: ArrayLike<number>
  readonly positions?: ArrayLike<number> | undefined
  /** [V, d] */
  readonly table: ArrayLike<number>
  /** [P, d] */
  readonly positionTable?: ArrayLike<number> | undefined
  readonly norm?: { readonly weight: ArrayLike<number>; readonly bias: ArrayLike<number> } | undefined
}

/** LN(table[id] · scale + positionTable[offset + position]) in float64: the plain twin of shaders/embed.wgsl. */
export function embed(
  { ids, positions, table, positionTable, norm }: EmbedValues,
  [rows, d]: readonly [rows: number, d: number],
  { scale = 1, positionOffset = 0, normFirst = false } = {},
): Float64Array {
  const each = (value: (row: number, c: number) => number) =>
    Float64Array.from({ length: rows * d }, (_, i) => value(Math.floor(i / d), i % d))
  const ofId = each((row, c) => table[ids[row]! * d + c]! * scale)
  const ofPosition = each((row, c) =>
    positions && positionTable ? positionTable[(positions[row]! + positionOffset) * d + c]! : 0,
  )
  const add = (a: Float64Array, b: Float64Array) => a.map((it, i) => it + b[i]!)
  const normed = (x: Float64Array) => layerNorm(x, undefined, norm!.weight, norm!.bias, rows, 1e-5)
  if (!norm) return add(ofId, ofPosition)
  return normFirst ? add(normed(ofId), ofPosition) : normed(add(ofId, ofPosition))
}
