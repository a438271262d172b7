import type { Gpu } from '../../gpu/gpu.js'
import { reshaped, type Tensor } from '../../gpu/tensor.js'
import { decode } from '../../nn/decoder.js'
import { type CacheShape, KvCache, type NewIds } from '../../nn/kv-cache.js'
import type { Pass } from '../../nn/pass.js'
import { project } from '../../nn/rows.js'
import { copyRows } from '../../ops/copy-rows.js'
import type { CacheSizes } from '../model.js'
import type { MiscConfig } from './config.js'
import type { MiscWeights } from './layout.js'

/** What a slot of the cache holds: the reply so far; and of its dialogue context, post and situation blocks, and the strategy. */
export function miscCache(config: MiscConfig): CacheShape {
  const {
    decoderLayers: layers,
    dModel: d,
    decoderHeads: heads,
    maxPositions,
    maxPostBlocks,
    maxSituationBlocks,
  } = config
  const sources = [maxPositions, maxPostBlocks, maxSituationBlocks]
  return { layers, d, heads, positions: maxPositions, sources, ofSources: layers * d }
}

/** What the decoder keeps for each reply being drawn. */
export class MiscCache extends KvCache {
  /** [source slots, layers · d]: per layer, the strategy source's attention and the biases of all four out_projs. */
  readonly strategy: Tensor

  constructor(gpu: Gpu, config: MiscConfig, sizes: CacheSizes) {
    const shape = { ...miscCache(config), ...sizes }
    super(gpu, shape)
    this.strategy = gpu.tensor('cross.strategy', [sizes.sourceSlots ?? sizes.slots, shape.layers * shape.d])
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
 * The decoder over new ids, after those in the caches; eq. 7: x = LN( x + A_c + A_x + A_s + A_g ), A_g with the biases of all four.
 *
 * @returns logits [sequences · newRows, V]: x · sharedᵀ + final_logits_bias
 */
export function decodeReplies(pass: Pass<MiscWeights>, cache: MiscCache, input: NewIds): Tensor {
  const { recorder, scratch, weights } = pass
  const { sequences, newRows, slots } = input
  const bias = scratch.rows('decoder.strategy', sequences, cache.strategy.shape[1]!)
  copyRows(recorder, { source: cache.strategy, from: slots, target: bias }, sequences)
  const { dModel: d } = weights.config
  return decode(pass, cache, input, (layer) => ({ bias, biasOf: { rows: newRows, column: layer * d } }))
}
