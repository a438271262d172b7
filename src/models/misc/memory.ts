import type { WeightDtype } from '../../gpu/tensor.js'
import type { ModelLayout } from '../../nn/layout.js'
import { type WeightMemory, weightMemory } from '../../nn/weight-memory.js'
import type { MiscConfig, Variant } from './config.js'

/** Bytes on the GPU. The caches are those of one dialogue at its longest. */
export interface MemoryEstimate {
  readonly weights: number
  readonly byRole: WeightMemory['byRole']
  /** Keys and values of the reply so far: decoder layers × 2 × positions × d. */
  readonly selfCache: number
  /** Keys and values of context, blocks and strategy, made once per reply. */
  readonly crossCache: number
  readonly total: number
}

/** What a model needs on the GPU besides scratch memory, as `loadWeights` and `DecoderState` make it. */
export function estimateMemory(
  layout: ModelLayout,
  config: MiscConfig,
  variant: Variant,
  dtype: WeightDtype,
): MemoryEstimate {
  const { dModel, decoderLayers, maxPositions, maxPostBlocks, maxSituationBlocks } = config
  const { total: weights, byRole } = weightMemory(layout.weights, dtype)
  const blocks = variant === 'plain' ? 0 : maxPostBlocks + maxSituationBlocks
  const selfCache = 4 * decoderLayers * 2 * maxPositions * dModel
  // The strategy source has one key: a vector per layer stands for its attention.
  const strategy = variant === 'plain' ? 0 : decoderLayers * dModel
  const crossCache = 4 * (decoderLayers * 2 * (maxPositions + blocks) * dModel + strategy)
  return { weights, byRole, selfCache, crossCache, total: weights + selfCache + crossCache }
}
