import type { Gpu } from '../gpu/gpu.js'
import type { Recorder } from '../gpu/recorder.js'
import { expectShape, type Tensor } from '../gpu/tensor.js'

/** Consecutive columns of a tensor: q, k and v may lie side by side in one product. */
export interface Columns {
  /** [rows, stride] */
  readonly tensor: Tensor
  /** The first column. */
  readonly column: number
}

/** Tensors of {@link attention}. */
export interface AttentionTensors {
  /** heads · headDim columns over the query rows. */
  readonly q: Columns
  /** heads · headDim columns over the key rows. */
  readonly k: Columns
  /** heads · headDim columns over the key rows. */
  readonly v: Columns
  /** u32 [tiles, 4], of {@link attentionTiles}. */
  readonly tiles: Tensor
  /** [query rows, heads · headDim] */
  readonly out: Tensor
}

/** Shape and scale of {@link attention}. */
export interface AttentionOptions {
  readonly heads: number
  readonly headDim: number
  /** What the scores q·k are multiplied by: 1/√headDim in the backbone, 1 or √d in MISC's fusion. */
  readonly scale: number
}

/** Query rows of a tile that suit every kernel: more tiles run side by side, larger ones load keys and values less often. */
export const attentionTileRows = 8

/**
 * Where sequences that lie one after the other begin and end, as attention wants it: [query start, query end, key start,
 * key end] of each tile of at most `tileRows` query rows. Every query row of sequence s attends to all keys of sequence s.
 */
export function attentionTiles(
  queryLengths: readonly number[],
  keyLengths: readonly number[],
  tileRows = attentionTileRows,
): Uint32Array {
  const tiles: number[] = []
  let query = 0
  let key = 0
  queryLengths.forEach((length, s) => {
    const [queryEnd, keyEnd] = [query + length, key + keyLengths[s]!]
    for (; query < queryEnd; query = Math.min(query + tileRows, queryEnd)) {
      tiles.push(query, Math.min(query + tileRows, queryEnd), key, keyEnd)
    }
    key = keyEnd
  })
  return Uint32Array.from(tiles)
}

/**
 * Kernels of {@link attention} that this device can run, best guess first: `plain` fills wide workgroups; `subgroup` is one
 * subgroup to a tile, with loads few and shared, as software adapters like it, and wants columns in fours.
 */
export function attentionCandidates(
  gpu: Gpu,
  { q, k, v }: Pick<AttentionTensors, 'q' | 'k' | 'v'>,
  { headDim }: Pick<AttentionOptions, 'headDim'>,
): ('plain' | 'subgroup')[] {
  const { software, subgroupSize } = gpu.adapter
  const sizes = [headDim, ...[q, k, v].flatMap(({ tensor, column }) => [tensor.shape[1]!, column])]
  if (!gpu.features.has('subgroups') || subgroupSize === 0 || sizes.some((size) => size % 4 !== 0)) return ['plain']
  return software ? ['subgroup', 'plain'] : ['plain', 'subgroup']
}

/** Up to here a lane keeps its row's columns in registers. */
const registerHeadDim = 64

/**
 * Softmax attention over a ragged batch: out[i] = Σ_j softmax_j(scale · q[i]·k[j]) v[j] for every head, where j runs over
 * the keys of row i's sequence; a row whose sequence has no keys gets zeros.
 *
 * @throws ShapeError
 */
export function attention(recorder: Recorder, tensors: AttentionTensors, options: AttentionOptions): void {
  const { q, k, v, tiles, out } = tensors
  const { heads, headDim, scale } = options
  expectShape('attention', q.tensor, ['rows', 'stride'])
  expectShape('attention', k.tensor, ['rows', 'stride'])
  expectShape('attention', v.tensor, ['rows', 'stride'])
  expectShape('attention', tiles, ['tiles', 4], 'u32')
  expectShape('attention', out, ['rows', heads * headDim])
  const { gpu } = recorder
  const shape = { dtype: k.tensor.dtype, rows: tiles.shape[0]! * attentionTileRows, k: headDim, n: heads }
  const subgroup = gpu.chooseVariant('attention', attentionCandidates(gpu, tensors, options), shape) === 'subgroup'
  const kernel = subgroup
    ? gpu.kernel(headDim <= registerHeadDim ? 'attention.subgroup' : 'attention-wide.subgroup', {
        HEAD_DIM: headDim,
        LANES: gpu.adapter.subgroupSize,
      })
    : gpu.kernel('attention')
  const strides = { q_stride: q.tensor.shape[1]!, k_stride: k.tensor.shape[1]!, v_stride: v.tensor.shape[1]! }
  const columns = { q_column: q.column, k_column: k.column, v_column: v.column }
  const bindings = { q: q.tensor, k: k.tensor, v: v.tensor, tiles, out }
  // The subgroup kernels have headDim as a constant, to keep columns in registers.
  const params = { heads, ...(subgroup ? {} : { head_dim: headDim }), ...strides, ...columns, scale }
  recorder.dispatch(kernel, bindings, params, [tiles.shape[0]!, heads])
}
