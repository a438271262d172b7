import { ShapeError } from '../errors.js'
import type { Gpu } from '../gpu/gpu.js'
import type { Recorder } from '../gpu/recorder.js'
import { expectRows, expectShape, type Tensor } from '../gpu/tensor.js'
import { cachedAttentionCandidates, type DecoderAttentionVariant, headKernel, headWidth } from './cached-attention.js'

/** Tensors of {@link crossAttention}, each of these rows or more; d is the model width, S the number of sources. */
export interface CrossAttentionTensors {
  /** [slots · newRows, S · d]: a query for each source, side by side. */
  readonly q: Tensor
  /** S times [sourceRows, stride]: what may be attended to, as keys and values of all layers side by side. */
  readonly sources: readonly { readonly kv: Tensor }[]
  /** u32 [slots, S, 2]: first row and one past the last of the slot in each source. */
  readonly ranges: Tensor
  /** [slots · newRows, S · d]: the attention outputs side by side, ready for the stacked out_proj. */
  readonly out: Tensor
}

/** Sizes of {@link crossAttention}, and where one layer stands in the sources. */
export interface CrossAttentionSizes {
  readonly slots: number
  readonly newRows: number
  readonly heads: number
  /** First column of the layer's keys in a row of `kv`. */
  readonly keyColumn: number
  /** First column of the layer's values in a row of `kv`. */
  readonly valueColumn: number
}

/**
 * Cross-attention to up to three sources in one dispatch: out[row, s] = softmax(q[row, s] · K_s / √e) V_s per head, over the
 * rows that the slot has in source s (paper, eq. 7, before the out_projs). A source with no rows gives zeros.
 *
 * @throws ShapeError
 */
export function crossAttention(recorder: Recorder, tensors: CrossAttentionTensors, sizes: CrossAttentionSizes): void {
  const { q, ranges, out } = tensors
  const { slots, newRows, heads, keyColumn, valueColumn } = sizes
  const [kv0, kv1, kv2] = tensors.sources.map((it) => it.kv)
  const sources = tensors.sources.length
  if (!kv0 || sources > 3) throw new ShapeError(`crossAttention: 1 to 3 sources, got ${sources}`)
  const stride = kv0.shape[1]!
  const d = q.shape[1]! / sources
  for (const { kv } of tensors.sources) expectShape('crossAttention', kv, ['sourceRows', stride])
  expectRows('crossAttention', q, slots * newRows, [sources * Math.floor(d)])
  expectRows('crossAttention', out, slots * newRows, [sources * d])
  expectRows('crossAttention', ranges, slots, [sources, 2], 'u32')
  if (Math.max(keyColumn, valueColumn) + d > stride) {
    throw new ShapeError(`crossAttention: columns ${keyColumn} and ${valueColumn} + ${d} are not within ${kv0.label}`)
  }
  const head = headWidth('crossAttention', d, heads)
  const candidates = crossAttentionCandidates(recorder.gpu, head, [stride, keyColumn, valueColumn])
  const shape = { dtype: kv0.dtype, rows: slots * newRows, k: head, n: heads }
  const kernel = headKernel(recorder.gpu, 'cross-attention', candidates, shape)
  const columns = { stride, key_column: keyColumn, value_column: valueColumn }
  const params = { new_rows: newRows, sources, d, head_width: head, ...columns }
  recorder.dispatch(kernel, { q, kv0, kv1, kv2, ranges, out }, params, [heads, sources, slots * newRows])
}

/**
 * Kernels of {@link crossAttention} that this device can run for heads of this width, best guess first.
 *
 * @param columns the stride of kv, and where keys and values begin.
 */
export function crossAttentionCandidates(
  gpu: Gpu,
  head: number,
  columns: readonly number[],
): DecoderAttentionVariant[] {
  return columns.every((column) => column % 4 === 0) ? cachedAttentionCandidates(gpu, head) : ['plain']
}
