import type { Tensor } from '../gpu/tensor.js'
import { type CrossBias, type DecoderLayer, decoderLayer } from './decoder-layer.js'
import { type EmbeddingModel, type EmbeddingSide, embedIds } from './embedding.js'
import type { KvCache, NewIds } from './kv-cache.js'
import type { Pass } from './pass.js'
import { project, type Rows, settle } from './rows.js'

/** What the decoder reads of a model. */
export interface DecoderModel extends EmbeddingModel {
  readonly decoder: EmbeddingSide & { readonly layers: readonly DecoderLayer[] }
  /** [V] */
  readonly logitsBias?: Tensor
}

/** The bias of a layer's cross-attention. */
export type CrossBiasOf = (layer: number) => CrossBias

/**
 * Every decoder layer over new ids, after those in the caches, whose rows grow by them.
 *
 * @returns the last layer's output [sequences · newRows, d].
 */
export function decoderStates(
  pass: Pass<DecoderModel>,
  cache: KvCache,
  input: NewIds,
  crossBias?: CrossBiasOf,
): Tensor {
  const { weights, trace } = pass
  const { layers } = weights.decoder
  const count = input.sequences * input.newRows
  let rows: Rows = { x: embedIds(pass, 'decoder.x', { ...input, rows: count }, weights.decoder), count }
  layers.forEach((layer, i) => {
    rows = decoderLayer(pass, layer, cache, i, rows, input, crossBias?.(i))
  })
  const last = settle(pass, rows)
  trace?.(`decoder.hidden.${layers.length}`, last, count)
  return last
}

/**
 * The decoder over new ids, after those in the caches.
 *
 * @returns logits [sequences · newRows, V]: x · embeddingᵀ + bias
 */
export function decode(pass: Pass<DecoderModel>, cache: KvCache, input: NewIds, crossBias?: CrossBiasOf): Tensor {
  const { embedding: weight, logitsBias: bias } = pass.weights
  const last = { x: decoderStates(pass, cache, input, crossBias), count: input.sequences * input.newRows }
  const { x: logits } = project(pass, 'logits', last, { weight, ...(bias && { bias }) })
  pass.trace?.('logits', logits, last.count)
  return logits
}
