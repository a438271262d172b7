import { cachedAttention } from '../ops/cached-attention.js'
import { crossAttention } from '../ops/cross-attention.js'
import type { MatmulTensors } from '../ops/matmul.js'
import { type AttentionTensors, attentionTensors } from './attention-tensors.js'
import { type FeedForward, feedForward } from './feed-forward.js'
import type { KvCache, NewRows } from './kv-cache.js'
import { type Loaded, linear, type Norm, norm, sideBySide, type TensorTable } from './layout.js'
import type { Pass } from './pass.js'
import { normed, placeOf, project, type Rows, settle } from './rows.js'

/** Causal attention to the rows so far, of width d. */
export function selfAttentionLayout(table: TensorTable, layer: string, d: number) {
  const self = attentionTensors(table, 'decoder-self', `${layer}.self_attn`, d)
  return {
    /** q_proj, k_proj, v_proj: [3d, d] */
    queryKeyValue: linear(self.query, self.key, self.value),
    output: linear(self.output),
    norm: norm(table.norm('decoder-self', `${layer}.self_attn_layer_norm`, d)),
  }
}

/** Cross-attention to S sources at once. */
export function crossAttentionLayout(sources: readonly AttentionTensors[]) {
  return {
    /** The queries of all sources: [S·d, d] */
    crossQuery: linear(...sources.map((it) => it.query)),
    /** The keys and values of each source: [2d, d] */
    crossKeyValue: sources.map((it) => linear(it.key, it.value)),
    /** The out_proj of all sources, side by side: [d, S·d]. */
    crossOutput: sideBySide(...sources.map((it) => it.output.weight)),
  }
}

/** Cross-attention to any sources, and the norm after it. */
export interface CrossAttention extends Loaded<ReturnType<typeof crossAttentionLayout>> {
  readonly crossNorm: Norm
}

/** What {@link decoderLayer} reads; without cross-attention where there are no sources. */
export type DecoderLayer = Omit<Loaded<ReturnType<typeof selfAttentionLayout>>, 'queryKeyValue'> & {
  /** The bias may be 0 and missing. */
  readonly queryKeyValue: Pick<MatmulTensors, 'weight' | 'bias'>
  readonly feedForward: FeedForward
} & (CrossAttention | { readonly crossQuery?: undefined })

/** What is added after the stacked out_proj of all sources: its biases, and whatever is the same for all of a sequence's rows. */
export type CrossBias = Pick<MatmulTensors, 'bias' | 'biasOf'>

/**
 * x = LN(x + causal attn(x, x)); x = LN(x + Σ cross attn(x, source)), where there are sources; x = LN(x + fc2 gelu(fc1 x)):
 * for layer i's new rows.
 *
 * @returns the rows that the next layer reads, in the tensor of role `decoder.x` once it has.
 */
export function decoderLayer(
  pass: Pass,
  layer: DecoderLayer,
  cache: KvCache,
  i: number,
  given: Rows,
  input: NewRows,
  crossBias?: CrossBias,
): Rows {
  const { recorder, scratch, trace, settled } = pass
  const { sequences, newRows, lengths, table } = input
  const { count } = given
  const rows = settled ? { x: settle(pass, given), count } : given
  if (settled) trace?.(`decoder.hidden.${i}`, rows.x, count)
  const d = rows.x.shape[1]!
  const { heads } = cache
  const hidden = (role: string, width = d) => scratch.rows(role, count, width)

  const { x: qkv } = project(pass, 'decoder.qkv', rows, layer.queryKeyValue)
  if (!settled) trace?.(`decoder.hidden.${i}`, placeOf(rows), count)
  const attended = hidden('decoder.attended')
  cachedAttention(recorder, { qkv, ...cache.self[i]!, lengths, table, out: attended }, { sequences, newRows, heads })
  const sum = project(pass, 'decoder.sum', { x: attended, count }, layer.output, { residual: placeOf(rows) })

  const middle = normed(sum, layer.norm, hidden('decoder.middle'))
  const crossed = layer.crossQuery ? attendToSources(pass, layer, cache, i, middle, input, crossBias) : middle
  const last = feedForward(pass, 'decoder.sum', crossed, layer.feedForward)
  return normed(last, layer.feedForward.norm, hidden('decoder.x'))
}

/** x = LN(x + Σ cross attn(x, source)): one query product, one attention over the cached sources, one output product. */
function attendToSources(
  pass: Pass,
  layer: CrossAttention,
  cache: KvCache,
  i: number,
  middle: Rows,
  { sequences, newRows, slots }: NewRows,
  crossBias?: CrossBias,
): Rows {
  const { recorder, scratch, trace } = pass
  const { count } = middle
  const { heads } = cache
  const { x: q } = project(pass, 'decoder.cross-query', middle, layer.crossQuery)
  trace?.(`decoder.cross_query.${i}`, q, count)
  const attended = scratch.rows('decoder.cross-attended', count, q.shape[1]!)
  const cached = { kv: cache.cross[i]!, ranges: cache.ranges, slots }
  crossAttention(recorder, { q, ...cached, out: attended }, { sequences, newRows, heads })
  trace?.(`decoder.cross_attended.${i}`, attended, count)
  const output = { weight: layer.crossOutput, ...crossBias }
  const sum = project(pass, 'decoder.sum', { x: attended, count }, output, { residual: placeOf(middle) })
  return normed(sum, layer.crossNorm, scratch.rows('decoder.middle', count, middle.x.shape[1]!))
}
