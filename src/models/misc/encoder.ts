import type { Recorder } from '../../gpu/recorder.js'
import type { Scratch } from '../../gpu/scratch.js'
import type { Tensor } from '../../gpu/tensor.js'
import type { EncoderLayer } from '../../nn/encoder-layer.js'
import type { FeedForward } from '../../nn/feed-forward.js'
import type { Norm } from '../../nn/layout.js'
import { attention, attentionTiles } from '../../ops/attention.js'
import { copyRows } from '../../ops/copy-rows.js'
import { embed } from '../../ops/embed.js'
import { layerNorm } from '../../ops/layer-norm.js'
import { matmul } from '../../ops/matmul.js'
import type { MiscWeights } from './layout.js'

/** Called with every stage's tensor as it is recorded, and how many of its rows count: for validation. */
export type Trace = (stage: string, tensor: Tensor, rows: number) => void

/** Sequences of ids of different lengths, one after the other: no padding is computed. */
export class RaggedBatch {
  readonly lengths: readonly number[]
  /** First row of each sequence. */
  readonly starts: readonly number[]
  readonly rows: number

  constructor(readonly sequences: readonly (readonly number[])[]) {
    this.lengths = sequences.map((it) => it.length)
    let rows = 0
    this.starts = this.lengths.map((length) => {
      rows += length
      return rows - length
    })
    this.rows = rows
  }

  ids(): Uint32Array {
    return Uint32Array.from(this.sequences.flat())
  }

  /** 0, 1, 2, … within each sequence. */
  positions(): Uint32Array {
    return Uint32Array.from(this.lengths.flatMap((length) => Array.from({ length }, (_, i) => i)))
  }
}

/** What a recording of the forward pass works with. */
export interface Pass {
  readonly recorder: Recorder
  readonly scratch: Scratch
  readonly weights: MiscWeights
  readonly trace?: Trace
}

/**
 * E(ids): LN_emb(shared[ids]·√d + pos), then every encoder layer.
 *
 * @param onLayer called after each layer with its output [rows, d]; released fusion happens here.
 * @returns C, the last layer's output [rows, d].
 */
export function encode(pass: Pass, batch: RaggedBatch, onLayer?: (layer: number, x: Tensor) => void): Tensor {
  const { scratch, weights, trace } = pass
  let x = embedSequences(pass, batch)
  trace?.('encoder.hidden.0', x, batch.rows)
  const tiles = uploadTiles(scratch, 'encoder.tiles', batch.lengths, batch.lengths)
  weights.encoder.layers.forEach((layer, i) => {
    x = encoderLayer(pass, layer, { x, rows: batch.rows, source: x, sourceRows: batch.rows, tiles })
    trace?.(`encoder.hidden.${i + 1}`, x, batch.rows)
    onLayer?.(i, x)
  })
  return x
}

/**
 * The states of the sequences' first tokens (eq. 2–3), [sequences, d]. The last layer's keys and values need all rows;
 * all else of it is computed for the first tokens only.
 */
export function encodeFirstTokens(pass: Pass, batch: RaggedBatch): Tensor {
  const { recorder, scratch, weights } = pass
  const { layers } = weights.encoder
  const sequences = batch.lengths.length
  let x = embedSequences(pass, batch)
  const tiles = uploadTiles(scratch, 'encoder.tiles', batch.lengths, batch.lengths)
  for (const layer of layers.slice(0, -1)) {
    x = encoderLayer(pass, layer, { x, rows: batch.rows, source: x, sourceRows: batch.rows, tiles })
  }

  const first = scratch.rows('encoder.first', sequences, weights.config.dModel)
  const from = scratch.upload('encoder.first-rows', [sequences], Uint32Array.from(batch.starts))
  copyRows(recorder, { source: x, from, target: first }, sequences)
  const ones = batch.lengths.map(() => 1)
  const firstTiles = uploadTiles(scratch, 'encoder.first-tiles', ones, batch.lengths)
  const last = layers.at(-1)!
  return encoderLayer(pass, last, { x: first, rows: sequences, source: x, sourceRows: batch.rows, tiles: firstTiles })
}

function embedSequences({ recorder, scratch, weights }: Pass, batch: RaggedBatch): Tensor {
  const { config, encoder } = weights
  const out = scratch.rows('encoder.x', batch.rows, config.dModel)
  const tensors = {
    ids: scratch.upload('encoder.ids', [batch.rows], batch.ids()),
    positions: scratch.upload('encoder.positions', [batch.rows], batch.positions()),
    table: weights.embedding,
    positionTable: encoder.positions,
    ...encoder.norm,
    out,
  }
  embed(recorder, tensors, batch.rows, config.scaleEmbedding ? Math.sqrt(config.dModel) : 1)
  return out
}

/** Rows attend to the rows of `source` that `tiles` give them; in self-attention the two are one. */
interface LayerInput {
  readonly x: Tensor
  readonly rows: number
  readonly source: Tensor
  readonly sourceRows: number
  readonly tiles: Tensor
}

/** x = LN(x + attn(x, source)); x = LN(x + fc2 gelu(fc1 x)). Returns the tensor of role `encoder.x`. */
function encoderLayer(pass: Pass, layer: EncoderLayer, { x, rows, source, sourceRows, tiles }: LayerInput): Tensor {
  const { recorder, scratch, weights } = pass
  const { dModel: d, encoderHeads: heads } = weights.config
  const query = scratch.rows('encoder.query', rows, d)
  const keyValue = scratch.rows('encoder.key-value', sourceRows, 2 * d)
  const attended = scratch.rows('encoder.attended', rows, d)
  const sum = scratch.rows('encoder.sum', rows, d)
  const middle = scratch.rows('encoder.middle', rows, d)
  const out = scratch.rows('encoder.x', rows, d)

  matmul(recorder, { x, ...layer.query, out: query }, rows)
  matmul(recorder, { x: source, ...layer.keyValue, out: keyValue }, sourceRows)
  const columns = (tensor: Tensor, column: number) => ({ tensor, column })
  const qkv = { q: columns(query, 0), k: columns(keyValue, 0), v: columns(keyValue, d) }
  const headDim = d / heads
  attention(recorder, { ...qkv, tiles, out: attended }, { heads, headDim, scale: 1 / Math.sqrt(headDim) })
  matmul(recorder, { x: attended, ...layer.output, residual: x, out: sum }, rows)
  feedForward(pass, layer, { x: sum, normed: middle, rows, out: attended })
  layerNorm(recorder, { x: attended, ...layer.feedForward.norm, out }, rows)
  return out
}

/** With y = LN(x), which `normed` receives: out = y + fc2 gelu(fc1 y), for encoder and decoder layers. */
export function feedForward(
  { recorder, scratch }: Pass,
  { norm, feedForward: { expand, contract } }: { readonly norm: Norm; readonly feedForward: FeedForward },
  { x, normed, rows, out }: { x: Tensor; normed: Tensor; rows: number; out: Tensor },
): void {
  const expanded = scratch.rows('feed-forward', rows, expand.weight.shape[0]!)
  matmul(recorder, { x, norm: { ...norm, out: normed }, ...expand, out: expanded }, rows, 'gelu')
  matmul(recorder, { x: expanded, ...contract, residual: normed, out }, rows)
}

/** The ragged boundaries that {@link attention} works by. */
export function uploadTiles(scratch: Scratch, label: string, queries: readonly number[], keys: readonly number[]) {
  const tiles = attentionTiles(queries, keys)
  return scratch.upload(label, [tiles.length / 4, 4], tiles)
}
