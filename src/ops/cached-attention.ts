import { ShapeError } from '../errors.js'
import type { Gpu } from '../gpu/gpu.js'
import type { Kernel } from '../gpu/kernel.js'
import type { Recorder } from '../gpu/recorder.js'
import type { OpShape } from '../gpu/shape-class.js'
import { expectRows, type Tensor } from '../gpu/tensor.js'

/** Tensors of {@link cachedAttention}, each of these rows or more; d is the model width. */
export interface CachedAttentionTensors {
  /** [sequences · newRows, 3 · d]: q | k | v of the new rows, the rows of a sequence one after another. */
  readonly qkv: Tensor
  /** [slots, maxPositions, d]: the keys of one layer's earlier rows; the new rows' keys are written behind them. */
  readonly keys: Tensor
  /** [slots, maxPositions, d], as {@link keys}. */
  readonly values: Tensor
  /** u32 [sequences]: how many rows the cache holds, hence the position of the sequence's first new row. Only read. */
  readonly lengths: Tensor
  /** The row table, u32 [sequences] or [sequences, columns]: the slot of a sequence's row j, at column j or the last. Only read. */
  readonly table: Tensor
  /** [sequences · newRows, d] */
  readonly out: Tensor
}

/** Sizes of {@link cachedAttention}. */
export interface CachedAttentionSizes {
  readonly sequences: number
  /** New rows of each sequence: 1 when decoding, the reply's length when teacher-forced. */
  readonly newRows: number
  readonly heads: number
}

/**
 * Causal self-attention with a cache: new row j of a sequence attends to its cached rows, in the slots that the row table
 * names, and to its new rows 0 … j, with scores q·k / √e, e = d / heads. Keys and values of the new rows go into the cache, at
 * positions length + j; those that would lie at maxPositions or beyond are dropped. No two sequences may write to one slot.
 *
 * Where a row stands is read on the GPU, from `lengths`, so that one recording serves every step.
 *
 * @throws ShapeError
 */
export function cachedAttention(
  recorder: Recorder,
  tensors: CachedAttentionTensors,
  sizes: CachedAttentionSizes,
): void {
  const { qkv, keys, values, lengths, table, out } = tensors
  const { sequences, newRows, heads } = sizes
  const [, maxPositions, d] = keys.shape as [number, number, number]
  expectRows('cachedAttention', keys, 1, ['maxPositions', 'd'])
  expectRows('cachedAttention', values, keys.shape[0]!, [maxPositions, d])
  expectRows('cachedAttention', qkv, sequences * newRows, [3 * d])
  expectRows('cachedAttention', lengths, sequences, [], 'u32')
  expectRows('cachedAttention', table, sequences, table.shape.slice(1), 'u32')
  expectRows('cachedAttention', out, sequences * newRows, [d])
  const head = headWidth('cachedAttention', d, heads)
  const { gpu } = recorder
  const shape = { dtype: keys.dtype, rows: sequences * newRows, k: head, n: heads }
  const kernel = headKernel(gpu, 'cached-attention', cachedAttentionCandidates(gpu, head), shape)
  const params = { new_rows: newRows, max_positions: maxPositions, d, head_width: head, columns: table.shape[1] ?? 1 }
  recorder.dispatch(kernel, { qkv, keys, values, lengths, slots: table, out }, params, [heads, newRows, sequences])
}

/** Kernels of decoder attention: `plain` runs anywhere; `subgroup` needs one subgroup size, and columns in fours. */
export type DecoderAttentionVariant = 'plain' | 'subgroup'

/** Kernels of {@link cachedAttention} that this device can run for heads of this width, best guess first. */
export function cachedAttentionCandidates(gpu: Gpu, head: number): DecoderAttentionVariant[] {
  const subgroup = gpu.features.has('subgroups') && gpu.adapter.subgroupSize > 0 && head % 4 === 0
  return subgroup ? ['subgroup', 'plain'] : ['plain']
}

/** @internal Columns of a head. */
export function headWidth(op: string, d: number, heads: number): number {
  const width = d / heads
  if (Number.isInteger(width) && width <= 256) return width
  throw new ShapeError(`${op}: ${heads} heads do not divide a width of ${d} into heads of at most 256`)
}

/** @internal The kernel of one variant of a decoder attention, of rows and heads: `k` is the width of a head. */
export function headKernel(
  gpu: Gpu,
  op: string,
  candidates: readonly DecoderAttentionVariant[],
  shape: OpShape,
): Kernel {
  const head = shape.k
  return gpu.chooseVariant(op, candidates, shape) === 'subgroup'
    ? gpu.kernel(`${op}.subgroup`, { HEAD: head, LANES: gpu.adapter.subgroupSize })
    : gpu.kernel(op, { LANES: head <= 64 ? 64 : 256 })
}
