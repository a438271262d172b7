import type { Recorder } from '../gpu/recorder.js'
import { expectShape, rowParts, type Tensor, weightDtypes } from '../gpu/tensor.js'
import { rowLanes } from './row-lanes.js'

/** Tensors of {@link embed}; d is the model width, V the vocabulary, P the number of positions. */
export interface EmbedTensors {
  /** u32 [≥ rows], each below V: the caller checks them, the GPU only clamps. */
  readonly ids: Tensor
  /** [V, d]: f32, f16 or int8 */
  readonly table: Tensor
  /** u32 [≥ rows], each below P; without them nothing is added. */
  readonly positions?: Tensor | undefined
  /** [P, d], where there are positions. */
  readonly positionTable?: Tensor | undefined
  /** Weight and bias of a layer norm, [d] each; without it there is none. */
  readonly norm?: { readonly weight: Tensor; readonly bias: Tensor } | undefined
  /** [rows, d] */
  readonly out: Tensor
}

/** How {@link embed} does it. */
export interface EmbedOptions {
  /** What rows of the table are multiplied by: √d where the checkpoint says `scale_embedding`; default: 1. */
  readonly scale?: number
  /** The row of the table of positions where position 0 stands: 2 in BART; default: 0. */
  readonly positionOffset?: number
  /** The norm comes before positions are added: LN(table[id] · scale) + positionTable[position]; default: after. */
  readonly normFirst?: boolean | undefined
}

/**
 * out = LN(table[id] · scale + positionTable[positionOffset + position]), over the first `rows` rows; eps is 1e-5. A table
 * larger than a binding takes a dispatch for each of its parts.
 *
 * @throws ShapeError
 */
export function embed(
  recorder: Recorder,
  tensors: EmbedTensors,
  rows: number,
  { scale = 1, positionOffset = 0, normFirst = false }: EmbedOptions = {},
): void {
  const { ids, positions, table, positionTable, norm, out } = tensors
  const d = table.shape[1]!
  expectShape('embed', ids, ['rows'], 'u32')
  expectShape('embed', table, ['V', d], weightDtypes)
  if (positions) expectShape('embed', positions, ['rows'], 'u32')
  if (positionTable) expectShape('embed', positionTable, ['P', d])
  for (const it of norm ? [norm.weight, norm.bias] : []) expectShape('embed', it, [d])
  expectShape('embed', out, ['rows', d])
  const [vocabulary, positionRows] = [table.shape[0]!, positionTable?.shape[0] ?? 1]
  const params = { d, vocabulary, position_rows: positionRows, position_offset: positionOffset, scale, eps: 1e-5 }
  const bindings = { ids, positions, position_table: positionTable, weight: norm?.weight, bias: norm?.bias, out }
  const constants = {
    LANES: rowLanes(recorder.gpu, 'embed', 64),
    HAS_POSITIONS: positions && positionTable ? 1 : 0,
    HAS_SCALE: table.scale ? 1 : 0,
    HAS_NORM: norm ? 1 : 0,
    NORM_FIRST: norm && normFirst ? 1 : 0,
    GROUP: table.group ?? 1,
    weights: table.dtype,
  }
  const kernel = recorder.gpu.kernel('embed', constants)
  for (const { first, rows: count, elements, scale: table_scale } of rowParts(table)) {
    const part = { first_id: first, id_count: count }
    recorder.dispatch(kernel, { ...bindings, table: elements, table_scale }, { ...params, ...part }, [rows])
  }
}
