import type { Gpu } from '../../gpu/gpu.js'
import { reshaped, type Tensor } from '../../gpu/tensor.js'
import { decoderLayer } from '../../nn/decoder-layer.js'
import { KvCache, type NewIds } from '../../nn/kv-cache.js'
import type { Pass } from '../../nn/pass.js'
import { project, type Rows, settle } from '../../nn/rows.js'
import { copyRows } from '../../ops/copy-rows.js'
import { embed } from '../../ops/embed.js'
import type { CacheSizes } from '../model.js'
import type { MiscWeights } from './layout.js'

/** What the decoder keeps for each reply being drawn: its rows so far, and its dialogue's context, post and situation blocks. */
export class MiscCache extends KvCache {
  /** [source slots, layers · d]: per layer, the strategy source's attention and the biases of all four out_projs. */
  readonly strategy: Tensor

  constructor(gpu: Gpu, { config, decoder }: MiscWeights, sizes: CacheSizes) {
    const { dModel: d, decoderHeads: heads, maxPositions, maxPostBlocks, maxSituationBlocks } = config
    const layers = decoder.layers.length
    const sources = [maxPositions, maxPostBlocks, maxSituationBlocks]
    super(gpu, { positions: maxPositions, sources, ...sizes, layers, d, heads })
    this.strategy = gpu.tensor('cross.strategy', [sizes.sourceSlots ?? sizes.slots, layers * d])
  }

  override get slotTensors(): Tensor[] {
    return [...super.slotTensors, this.strategy]
  }
}

/**
 * The strategy source's part of eq. 7 for every layer, into the slots of dialogues: it has one key, and so is out_proj(v_proj(g)).
 *
 * @param representation g [dialogues, d]
 */
export function cacheStrategy(
  pass: Pass<MiscWeights>,
  cache: MiscCache,
  slots: readonly number[],
  representation: Tensor,
): void {
  const count = slots.length
  const { layers } = pass.weights.decoder
  const d = representation.shape[1]!
  const target = reshaped(cache.strategy, [cache.strategy.shape[0]! * layers.length, d])
  const places = layers.map((_, i) => Uint32Array.from(slots, (slot) => slot * layers.length + i))
  layers.forEach((layer, i) => {
    const value = project(pass, 'cross.strategy-value', { x: representation, count }, layer.strategyValue)
    const { x: source } = project(pass, 'cross.strategy-output', value, layer.strategyOutput)
    const to = pass.scratch.upload('cross.to', [count], places[i]!)
    copyRows(pass.recorder, { source, to, target }, count)
  })
}

/**
 * The decoder over new ids, after those in the caches.
 *
 * @returns logits [sequences · newRows, V]: x · sharedᵀ + final_logits_bias
 */
export function decode(pass: Pass<MiscWeights>, cache: MiscCache, input: NewIds): Tensor {
  const { recorder, scratch, weights, trace } = pass
  const { config, decoder, embedding } = weights
  const { ids, positions, sequences, newRows } = input
  const { dModel: d } = config
  const count = sequences * newRows
  const x = scratch.rows('decoder.x', count, d)
  const scale = config.scaleEmbedding ? Math.sqrt(d) : 1
  const tables = { table: embedding, positionTable: decoder.positions }
  embed(recorder, { ids, positions, ...tables, ...decoder.norm, out: x }, count, scale)

  const strategy = scratch.rows('decoder.strategy', sequences, cache.strategy.shape[1]!)
  copyRows(recorder, { source: cache.strategy, from: input.slots, target: strategy }, sequences)

  // Eq. 7: x = LN( x + A_c + A_x + A_s + A_g ), A_g with the biases of all four.
  let rows: Rows = { x, count }
  decoder.layers.forEach((layer, i) => {
    const crossBias = { bias: strategy, biasOf: { rows: newRows, column: i * d } }
    rows = decoderLayer(pass, layer, cache, i, rows, input, crossBias)
  })
  const last = settle(pass, rows)
  trace?.(`decoder.hidden.${decoder.layers.length}`, last, count)
  const { x: logits } = project(pass, 'logits', { x: last, count }, { weight: embedding, bias: weights.logitsBias })
  trace?.('logits', logits, count)
  return logits
}
