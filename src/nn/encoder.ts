import type { Tensor } from '../gpu/tensor.js'
import { embed } from '../ops/embed.js'
import { type EncoderLayer, encoderLayer } from './encoder-layer.js'
import type { Norm } from './layout.js'
import type { Pass } from './pass.js'
import { type RaggedBatch, uploadTiles } from './ragged-batch.js'

/** What the encoder reads of a model. */
export interface EncoderModel {
  readonly config: { readonly encoderHeads: number; readonly scaleEmbedding: boolean }
  /** [V, d] */
  readonly embedding: Tensor
  readonly encoder: { readonly positions: Tensor; readonly norm: Norm; readonly layers: readonly EncoderLayer[] }
}

/**
 * E(ids): LN_emb(shared[ids]·√d + pos), then every encoder layer.
 *
 * @param onLayer called after each layer with its output [rows, d].
 * @returns the last layer's output [rows, d].
 */
export function encode(
  pass: Pass<EncoderModel>,
  batch: RaggedBatch,
  onLayer?: (layer: number, x: Tensor) => void,
): Tensor {
  const { scratch, weights, trace } = pass
  const { rows: count } = batch
  let x = embedSequences(pass, batch)
  trace?.('encoder.hidden.0', x, count)
  const tiles = uploadTiles(scratch, 'encoder.tiles', batch.lengths, batch.lengths)
  weights.encoder.layers.forEach((layer, i) => {
    x = encoderLayer(pass, layer, { x, count }, { x, count }, { tiles, heads: weights.config.encoderHeads })
    trace?.(`encoder.hidden.${i + 1}`, x, count)
    onLayer?.(i, x)
  })
  return x
}

/** LN_emb(shared[ids]·√d + pos), [rows, d]. */
export function embedSequences({ recorder, scratch, weights }: Pass<EncoderModel>, batch: RaggedBatch): Tensor {
  const { config, embedding, encoder } = weights
  const d = embedding.shape[1]!
  const out = scratch.rows('encoder.x', batch.rows, d)
  const tensors = {
    ids: scratch.upload('encoder.ids', [batch.rows], batch.ids()),
    positions: scratch.upload('encoder.positions', [batch.rows], batch.positions()),
    table: embedding,
    positionTable: encoder.positions,
    ...encoder.norm,
    out,
  }
  embed(recorder, tensors, batch.rows, config.scaleEmbedding ? Math.sqrt(d) : 1)
  return out
}
