import type { Recorder } from '../gpu/recorder.js'
import { expectShape, rowParts, type Tensor, weightDtypes } from '../gpu/tensor.js'
import { rowLanes } from './row-lanes.js'

/** Tensors of {@link embed}; d is the model width, V the vocabulary, P the number of positions. */
export interface EmbedTensors {
  /** u32 [≥ rows], each below V: the caller checks them, the GPU only clamps. */
  readonly ids: Tensor
  /** u32 [≥ rows], each below P. */
  readonly positions: Tensor
  /** [V, d]: f32, f16 or int8 */
  readonly table: Tensor
  /** [P, d] */
  readonly positionTable: Tensor
  /** [d] */
  readonly weight: Tensor
  /** [d] */
  readonly bias: Tensor
  /** [rows, d] */
  readonly out: Tensor
}

/**
 * out = LN(table[id] · scale + positionTable[position]), over the first `rows` rows; eps is 1e-5. A table larger than a
 * binding takes a dispatch for each of its parts.
 *
 * @param scale sqrt(d) where the checkpoint says `scale_embedding`, else 1.
 * @throws ShapeError
 */
export function embed(recorder: Recorder, tensors: EmbedTensors, rows: number, scale: number): void {
  const { ids, positions, table, positionTable, weight, bias, out } = tensors
  const d = weight.shape[0]!
  expectShape('embed', ids, ['rows'], 'u32')
  expectShape('embed', positions, ['rows'], 'u32')
  expectShape('embed', table, ['V', d], weightDtypes)
  expectShape('embed', positionTable, ['P', d])
  expectShape('embed', bias, [d])
  expectShape('embed', out, ['rows', d])
  const params = { d, vocabulary: table.shape[0]!, max_positions: positionTable.shape[0]!, scale, eps: 1e-5 }
  const bindings = { ids, positions, position_table: positionTable, weight, bias, out }
  const constants = {
    LANES: rowLanes(recorder.gpu, 'embed', 64),
    HAS_SCALE: table.scale ? 1 : 0,
    GROUP: table.group ?? 1,
    weights: table.dtype,
  }
  const kernel = recorder.gpu.kernel('embed', constants)
  for (const { first, rows: count, elements, scale: table_scale } of rowParts(table)) {
    const part = { first_id: first, id_count: count }
    recorder.dispatch(kernel, { ...bindings, table: elements, table_scale }, { ...params, ...part }, [rows])
  }
}
