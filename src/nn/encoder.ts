import type { Tensor } from '../gpu/tensor.js'
import { type EmbeddingModel, type EmbeddingSide, embedIds } from './embedding.js'
import { type EncoderLayer, encoderLayer } from './encoder-layer.js'
import type { Pass } from './pass.js'
import { type RaggedBatch, uploadTiles } from './ragged-batch.js'

/** What the encoder reads of a model. */
export interface EncoderModel extends EmbeddingModel {
  readonly config: EmbeddingModel['config'] & { readonly encoderHeads: number }
  readonly encoder: EmbeddingSide & { readonly layers: readonly EncoderLayer[] }
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
export function embedSequences(pass: Pass<EncoderModel>, batch: RaggedBatch): Tensor {
  const { scratch, weights } = pass
  const { rows } = batch
  const ids = scratch.upload('encoder.ids', [rows], batch.ids())
  const positions = scratch.upload('encoder.positions', [rows], batch.positions())
  return embedIds(pass, 'encoder.x', { ids, positions, rows }, weights.encoder)
}
