import type { MiscConfig, Variant } from './config.js'
import type { TensorSpec } from './tensor-names.js'

/** The number formats that weights and caches can be kept in on the GPU. */
export const MEMORY_DTYPES = ['f32', 'f16', 'int8'] as const
export type MemoryDtype = (typeof MEMORY_DTYPES)[number]

/** Bytes on the GPU, by role. The caches are those of one dialogue at its longest. */
export interface MemoryEstimate {
  readonly weights: number
  /** Keys and values of the reply so far: decoder layers × 2 × positions × d. */
  readonly selfCache: number
  /** Keys and values of context, blocks and strategy, made once per reply. */
  readonly crossCache: number
  readonly total: number
}

/**
 * What a model needs on the GPU besides scratch memory. int8 keeps matrices in one byte per element and one f32 scale
 * per row; its vectors and caches are f16.
 *
 * @param tensors the tensors that are uploaded
 */
export function estimateMemory(
  tensors: Iterable<Pick<TensorSpec, 'shape'>>,
  config: MiscConfig,
  variant: Variant,
  dtype: MemoryDtype,
): MemoryEstimate {
  const { dModel, decoderLayers, maxPositions, maxPostBlocks, maxSituationBlocks } = config
  const element = dtype === 'f32' ? 4 : 2
  let weights = 0
  for (const { shape } of tensors) {
    const [rows = 1, columns = 1] = shape
    const isMatrix = shape.length === 2 && rows > 1
    weights += dtype === 'int8' && isMatrix ? rows * (columns + 4) : rows * columns * element
  }
  const blocks = variant === 'plain' ? 0 : maxPostBlocks + maxSituationBlocks
  const selfCache = decoderLayers * 2 * maxPositions * dModel * element
  // The strategy source has one key: a vector per layer stands for its attention.
  const strategy = variant === 'plain' ? 0 : decoderLayers * dModel * element
  const crossCache = decoderLayers * 2 * (maxPositions + blocks) * dModel * element + strategy
  return { weights, selfCache, crossCache, total: weights + selfCache + crossCache }
}
