import type { Gpu } from '../../gpu/gpu.js'
import { Scratch } from '../../gpu/scratch.js'
import type { SlotTensors } from '../../gpu/slots.js'
import type { Tensor } from '../../gpu/tensor.js'
import { cachedAttention } from '../../ops/cached-attention.js'
import { copyRows } from '../../ops/copy-rows.js'
import { crossAttention } from '../../ops/cross-attention.js'
import { embed } from '../../ops/embed.js'
import { layerNorm } from '../../ops/layer-norm.js'
import { type MatmulTensors, matmul } from '../../ops/matmul.js'
import { splitHeads } from '../../ops/split-heads.js'
import { feedForward, type Pass } from './encoder.js'
import type { DecoderLayer, MiscWeights } from './layout.js'

/** Rows of one dialogue's states in each source: context, post blocks, situation blocks. */
export type SourceRows = readonly [context: number, post: number, situation: number]

/**
 * What the decoder keeps for each reply being drawn: a slot holds the keys and values of its reply so far, and those of
 * its dialogue's sources, made once per reply. Slots 0 … n − 1 are in use when n replies are drawn together.
 */
export class DecoderState implements SlotTensors {
  /** Keys and values of each layer's earlier rows, [slots, maxPositions, d]. */
  readonly self: readonly { readonly keys: Tensor; readonly values: Tensor }[]
  /** Per layer: keys and values of the rows of all sources, head by head, [slots, heads, rows, 2e]. */
  readonly cross: readonly Tensor[]
  /** u32 [slots, sources, 2]: which of a slot's rows are those of each source, the first and one past the last. */
  readonly ranges: Tensor
  /** Per layer, [slots, d]: the strategy source's attention and the biases of all four out_projs. */
  readonly strategy: readonly Tensor[]
  readonly scratch: Scratch
  /** Rows kept for a slot, of all sources. */
  readonly rowsPerSlot: number
  /** Where the rows of each source begin among those of a slot. */
  readonly sourceStarts: readonly number[]
  readonly #sources: SourceRows[] = []

  constructor(
    readonly gpu: Gpu,
    weights: MiscWeights,
    readonly slots: number,
  ) {
    const { dModel: d, decoderHeads: heads, maxPositions, maxPostBlocks, maxSituationBlocks } = weights.config
    const { layers } = weights.decoder
    this.rowsPerSlot = maxPositions + maxPostBlocks + maxSituationBlocks
    this.sourceStarts = [0, maxPositions, maxPositions + maxPostBlocks]
    this.self = layers.map((_, i) => ({
      keys: gpu.tensor(`self.keys.${i}`, [slots, maxPositions, d]),
      values: gpu.tensor(`self.values.${i}`, [slots, maxPositions, d]),
    }))
    this.cross = layers.map((_, i) => gpu.tensor(`cross.${i}`, [slots, heads, this.rowsPerSlot, (2 * d) / heads]))
    this.ranges = gpu.tensor('cross.ranges', [slots, this.sourceStarts.length, 2], 'u32')
    this.strategy = layers.map((_, i) => gpu.tensor(`cross.strategy.${i}`, [slots, d]))
    this.scratch = new Scratch(gpu, slots)
  }

  /** Says how many rows a slot will have in each source. */
  setSources(slot: number, rows: SourceRows): void {
    this.#sources[slot] = rows
    const ranges = rows.flatMap((count, s) => [this.sourceStarts[s]!, this.sourceStarts[s]! + count])
    this.gpu.write(this.ranges, Uint32Array.from(ranges), slot * ranges.length)
  }

  /** Tensors of which every slot has an equal part, one after the other. */
  get slotTensors(): Tensor[] {
    return [this.self.flatMap((it) => [it.keys, it.values]), this.cross, this.strategy].flat()
  }

  /** The tensors of a slot were copied from a slot of another state, or of this one: its rows are as many. */
  adoptSources(source: DecoderState, from: number, to: number): void {
    this.setSources(to, source.#sources[from]!)
  }

  dispose(): void {
    this.scratch.dispose()
    this.gpu.free(...this.slotTensors, this.ranges)
  }
}

/** The states of one source of several dialogues, dialogue after dialogue. */
export interface SourceStates {
  /** [rows, d] */
  readonly states: Tensor
  /** Rows of each dialogue. */
  readonly counts: readonly number[]
  readonly rows: number
}

/**
 * Computes what the decoder needs of dialogues before their first ids: for every layer the keys and values of each
 * source, into the dialogues' slots, and the strategy source's attention, which has one key and so is out_proj(v_proj(g)).
 *
 * @param slots of the dialogues, in their order.
 * @param representation g [dialogues, d]
 */
export function fillCrossCaches(
  { recorder, scratch, weights }: Pass,
  state: DecoderState,
  slots: readonly number[],
  sourceStates: readonly SourceStates[],
  representation: Tensor,
): void {
  const { dModel: d } = weights.config
  const upload = (rows: readonly number[]) => scratch.upload('cross.to', [rows.length], Uint32Array.from(rows))
  const places = sourceStates.map(({ counts }, s) => {
    const starts = slots.map((slot) => slot * state.rowsPerSlot + state.sourceStarts[s]!)
    return upload(counts.flatMap((count, i) => Array.from({ length: count }, (_, row) => starts[i]! + row)))
  })
  const strategyPlaces = upload(slots)

  weights.decoder.layers.forEach((layer, i) => {
    sourceStates.forEach(({ states, rows }, s) => {
      const keyValue = scratch.rows('cross.key-value', rows, 2 * d)
      matmul(recorder, { x: states, ...layer.crossKeyValue[s]!, out: keyValue }, rows)
      splitHeads(recorder, { source: keyValue, to: places[s]!, target: state.cross[i]! }, rows)
    })
    const value = scratch.rows('cross.strategy-value', slots.length, d)
    const output = scratch.rows('cross.strategy-output', slots.length, d)
    matmul(recorder, { x: representation, ...layer.strategyValue, out: value }, slots.length)
    matmul(recorder, { x: value, ...layer.strategyOutput, out: output }, slots.length)
    copyRows(recorder, { source: output, to: strategyPlaces, target: state.strategy[i]! }, slots.length)
  })
}

/** New ids of every slot in use: one when decoding, a whole reply when teacher-forced. */
export interface NewIds {
  readonly slots: number
  readonly newRows: number
  /** u32 [slots · newRows] */
  readonly ids: Tensor
  /** u32 [slots · newRows] */
  readonly positions: Tensor
  /** u32 [slots]: rows already in the self-attention caches, hence the position of a slot's first new id. */
  readonly lengths: Tensor
}

/**
 * The decoder over new ids, after those in the caches.
 *
 * @returns logits [slots · newRows, V]: x · sharedᵀ + final_logits_bias
 */
export function decode(pass: Pass, state: DecoderState, input: NewIds): Tensor {
  const { recorder, scratch, weights, trace } = pass
  const { config, decoder, embedding } = weights
  const { dModel: d, vocabSize } = config
  const rows = input.slots * input.newRows
  const { ids, positions } = input
  const x = scratch.rows('decoder.x', rows, d)
  const scale = config.scaleEmbedding ? Math.sqrt(d) : 1
  const tables = { table: embedding, positionTable: decoder.positions }
  embed(recorder, { ids, positions, ...tables, ...decoder.norm, out: x }, rows, scale)
  let layerInput: LayerInput = { x }
  decoder.layers.forEach((layer, i) => {
    layerInput = decoderLayer(pass, layer, state, i, input, layerInput, x)
  })
  if (layerInput.norm) layerNorm(recorder, { x: layerInput.x, ...layerInput.norm }, rows)
  trace?.(`decoder.hidden.${decoder.layers.length}`, x, rows)
  const logits = scratch.rows('logits', rows, vocabSize)
  matmul(recorder, { x, weight: embedding, bias: weights.logitsBias, out: logits }, rows)
  trace?.('logits', logits, rows)
  return logits
}

/** The rows that a layer works on; with a norm, those are LN(x). */
type LayerInput = Pick<MatmulTensors, 'x' | 'norm'>

/**
 * x = LN(x + causal attn(x, x)); x = LN(x + A_c + A_x + A_s + A_g); x = LN(x + fc2 gelu(fc1 x)). Every norm is left to the
 * product that reads it: that of `input`, which comes out in `x`, to this layer's first, and this layer's last to the next's.
 */
function decoderLayer(
  pass: Pass,
  layer: DecoderLayer,
  state: DecoderState,
  i: number,
  { slots, newRows, lengths }: NewIds,
  input: LayerInput,
  x: Tensor,
): LayerInput {
  const { recorder, scratch, weights, trace } = pass
  const { dModel: d, decoderHeads: heads } = weights.config
  const rows = slots * newRows
  const qkv = scratch.rows('decoder.qkv', rows, 3 * d)
  const attended = scratch.rows('decoder.attended', rows, d)
  const sum = scratch.rows('decoder.sum', rows, d)
  const middle = scratch.rows('decoder.middle', rows, d)
  const crossQuery = scratch.rows('decoder.cross-query', rows, 3 * d)
  const crossAttended = scratch.rows('decoder.cross-attended', rows, 3 * d)

  matmul(recorder, { ...input, ...layer.queryKeyValue, out: qkv }, rows)
  trace?.(`decoder.hidden.${i}`, x, rows)
  cachedAttention(recorder, { qkv, ...state.self[i]!, lengths, out: attended }, { slots, newRows, heads })
  matmul(recorder, { x: attended, ...layer.output, residual: x, out: sum }, rows)

  // Eq. 7: one query product, one attention over the cached sources, one output product with the stacked out_proj.
  matmul(recorder, { x: sum, norm: { ...layer.norm, out: middle }, ...layer.crossQuery, out: crossQuery }, rows)
  trace?.(`decoder.cross_query.${i}`, crossQuery, rows)
  const cached = { kv: state.cross[i]!, ranges: state.ranges }
  crossAttention(recorder, { q: crossQuery, ...cached, out: crossAttended }, { slots, newRows, heads })
  const stacked = { weight: layer.crossOutput, bias: state.strategy[i]!, rowsPerBias: newRows }
  matmul(recorder, { x: crossAttended, ...stacked, residual: middle, out: sum }, rows)

  const { feedForward: ff, crossNorm: norm } = layer
  feedForward(pass, { norm, feedForward: ff }, { x: sum, normed: middle, rows, out: sum })
  return { x: sum, norm: { ...ff.norm, out: x } }
}
