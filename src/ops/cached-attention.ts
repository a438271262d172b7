import { ShapeError } from '../errors.js'
import type { Recorder } from '../gpu/recorder.js'
import { expectRows, type Tensor } from '../gpu/tensor.js'

/** Tensors of {@link cachedAttention}, each of these rows or more; d is the model width. */
export interface CachedAttentionTensors {
  /** [slots · newRows, 3 · d]: q | k | v of the new rows, the rows of a slot one after another. */
  readonly qkv: Tensor
  /** [slots, maxPositions, d]: the keys of one layer's earlier rows; the new rows' keys are written behind them. */
  readonly keys: Tensor
  /** [slots, maxPositions, d], as {@link keys}. */
  readonly values: Tensor
  /** u32 [slots]: how many rows the cache holds, hence the position of the slot's first new row. Only read. */
  readonly lengths: Tensor
  /** [slots · newRows, d] */
  readonly out: Tensor
}

/** Sizes of {@link cachedAttention}. */
export interface CachedAttentionSizes {
  readonly slots: number
  /** New rows of each slot: 1 when decoding, the reply's length when teacher-forced. */
  readonly newRows: number
  readonly heads: number
}

/**
 * Causal self-attention with a cache: new row j of a slot attends to the slot's cached rows and to its new rows 0 … j, with
 * scores q·k / √e, e = d / heads. Keys and values of the new rows go into the cache, at positions length + j; those that
 * would lie at maxPositions or beyond are dropped.
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
  const { qkv, keys, values, lengths, out } = tensors
  const { slots, newRows, heads } = sizes
  const [, maxPositions, d] = keys.shape as [number, number, number]
  expectRows('cachedAttention', keys, slots, ['maxPositions', 'd'])
  expectRows('cachedAttention', values, slots, [maxPositions, d])
  expectRows('cachedAttention', qkv, slots * newRows, [3 * d])
  expectRows('cachedAttention', lengths, slots, [], 'u32')
  expectRows('cachedAttention', out, slots * newRows, [d])
  const kernel = recorder.gpu.kernel('cached-attention', headConstants('cachedAttention', d, heads))
  const params = { new_rows: newRows, heads, max_positions: maxPositions }
  recorder.dispatch(kernel, { qkv, keys, values, lengths, out }, params, [heads, newRows, slots])
}

/** @internal Constants of the attention shaders: the width of a head, and lanes enough to hold one. */
export function headConstants(op: string, d: number, heads: number): { HEAD: number; LANES: number } {
  const width = d / heads
  if (!Number.isInteger(width) || width > 256) {
    throw new ShapeError(`${op}: ${heads} heads do not divide a width of ${d} into heads of at most 256`)
  }
  return { HEAD: width, LANES: Math.max(64, 2 ** Math.ceil(Math.log2(width))) }
}
