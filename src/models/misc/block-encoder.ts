import type { Tensor } from '../../gpu/tensor.js'
import { embedSequences } from '../../nn/encoder.js'
import { encoderLayer } from '../../nn/encoder-layer.js'
import type { Pass } from '../../nn/pass.js'
import { type RaggedBatch, uploadTiles } from '../../nn/ragged-batch.js'
import { copyRows } from '../../ops/copy-rows.js'
import type { MiscWeights } from './layout.js'

/**
 * The states of the sequences' first tokens (eq. 2–3), [sequences, d]. The last layer's keys and values need all rows;
 * all else of it is computed for the first tokens only.
 */
export function encodeFirstTokens(pass: Pass<MiscWeights>, batch: RaggedBatch): Tensor {
  const { recorder, scratch, weights } = pass
  const { config, encoder } = weights
  const heads = config.encoderHeads
  const sequences = batch.lengths.length
  let rows = { x: embedSequences(pass, batch), count: batch.rows }
  const tiles = uploadTiles(scratch, 'encoder.tiles', batch.lengths, batch.lengths)
  for (const layer of encoder.layers.slice(0, -1)) {
    rows = { ...rows, x: encoderLayer(pass, layer, rows, rows, { tiles, heads }) }
  }

  const first = scratch.rows('encoder.first', sequences, config.dModel)
  const from = scratch.upload('encoder.first-rows', [sequences], Uint32Array.from(batch.starts))
  copyRows(recorder, { source: rows.x, from, target: first }, sequences)
  const ones = batch.lengths.map(() => 1)
  const firstTiles = uploadTiles(scratch, 'encoder.first-tiles', ones, batch.lengths)
  const firstRows = { x: first, count: sequences }
  return encoderLayer(pass, encoder.layers.at(-1)!, firstRows, rows, { tiles: firstTiles, heads })
}
