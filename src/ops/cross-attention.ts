import type { Recorder } from '../gpu/recorder.js'
import { expectRows, type Tensor } from '../gpu/tensor.js'
import { cachedAttentionCandidates, headKernel, headWidth } from './cached-attention.js'

/** Tensors of {@link crossAttention}, each of these rows or more; d is the model width, S the number of sources. */
export interface CrossAttentionTensors {
  /** [sequences · newRows, S · d]: a query for each source, side by side. */
  readonly q: Tensor
  /** [slots, heads, slotRows, 2e]: what a slot may attend to, of all sources; a head's keys and values side by side. */
  readonly kv: Tensor
  /** u32 [slots, S, 2]: which rows of a slot are each source's, the first and one past the last. */
  readonly ranges: Tensor
  /** u32 [sequences]: the slot that holds a sequence's sources. */
  readonly slots: Tensor
  /** [sequences · newRows, S · d]: the attention outputs side by side, ready for the stacked out_proj. */
  readonly out: Tensor
}

/** Sizes of {@link crossAttention}. */
export interface CrossAttentionSizes {
  readonly sequences: number
  readonly newRows: number
  readonly heads: number
}

/**
 * Cross-attention to several sources in one dispatch: out[row, s] = softmax(q[row, s] · K_s / √e) V_s per head, over the rows
 * that the slot has in source s (paper, eq. 7, before the out_projs). A source with no rows gives zeros.
 *
 * @throws ShapeError
 */
export function crossAttention(recorder: Recorder, tensors: CrossAttentionTensors, sizes: CrossAttentionSizes): void {
  const { q, kv, ranges, slots, out } = tensors
  const { sequences, newRows, heads } = sizes
  expectRows('crossAttention', ranges, 1, ['S', 2], 'u32')
  const sources = ranges.shape[1]!
  const d = Math.floor(q.shape[1]! / sources)
  expectRows('crossAttention', slots, sequences, [], 'u32')
  expectRows('crossAttention', q, sequences * newRows, [sources * d])
  expectRows('crossAttention', out, sequences * newRows, [sources * d])
  const { gpu } = recorder
  const head = headWidth('crossAttention', d, heads)
  expectRows('crossAttention', kv, ranges.shape[0]!, [heads, 'slotRows', 2 * head])
  const shape = { dtype: kv.dtype, rows: sequences * newRows, k: head, n: heads }
  const kernel = headKernel(gpu, 'cross-attention', cachedAttentionCandidates(gpu, head), shape)
  const params = { new_rows: newRows, sources, d, head_width: head, slot_rows: kv.shape[2]! }
  recorder.dispatch(kernel, { q, kv, ranges, slots, out }, params, [heads, sources, sequences * newRows])
}
