import { sizeOf, type WeightDtype } from '../../gpu/tensor.js'
import type { MiscConfig, Variant } from './config.js'
import type { Role, TensorSpec } from './tensor-names.js'

/** What a byte on the GPU is for: matrices (and tables) by their role, and all vectors together. */
export type MemoryRole = Exclude<Role, 'identity' | 'unused'> | 'norms-biases'

/** Bytes on the GPU. The caches are those of one dialogue at its longest. */
export interface MemoryEstimate {
  readonly weights: number
  /** Of which: the scales of int8 count with their matrices. */
  readonly byRole: Readonly<Partial<Record<MemoryRole, number>>>
  /** Keys and values of the reply so far: decoder layers × 2 × positions × d. */
  readonly selfCache: number
  /** Keys and values of context, blocks and strategy, made once per reply. */
  readonly crossCache: number
  readonly total: number
}

/** Tables that stay f32: they are small, and read as they are. */
const tables = /embed_positions|strategy_embedding/
/** Biases that are summed into that of the strategy source when they are loaded. */
const summed = /\.encoder_attn(_comet|_comet_st)?\.out_proj\.bias$/
/** Matrices that are joined side by side to that of the context, whose rows, and scales, they share. */
const joined = /\.encoder_attn_comet(_st)?\.out_proj\.weight$/

/**
 * What a model needs on the GPU besides scratch memory, as `loadWeights` and `DecoderState` make it. Matrices are kept in
 * the dtype where their columns are a multiple of 4, in int8 with one f32 scale per row; all else is f32.
 *
 * @param tensors the tensors that are uploaded
 */
export function estimateMemory(
  tensors: Iterable<TensorSpec>,
  config: MiscConfig,
  variant: Variant,
  dtype: WeightDtype,
): MemoryEstimate {
  const { dModel, decoderLayers, maxPositions, maxPostBlocks, maxSituationBlocks } = config
  const byRole: Partial<Record<MemoryRole, number>> = {}
  let weights = 0
  for (const { name, shape, role } of tensors) {
    if (role === 'identity' || role === 'unused' || (variant !== 'plain' && summed.test(name))) continue
    const [rows = 1, columns = 1] = shape
    const isMatrix = shape.length === 2 && rows > 1
    const packed = isMatrix && columns % 4 === 0 && !tables.test(name) ? dtype : 'f32'
    const bytes = {
      f32: 4 * sizeOf(shape),
      f16: 2 * sizeOf(shape),
      int8: sizeOf(shape) + (joined.test(name) ? 0 : 4 * rows),
    }[packed]
    const place = isMatrix ? role : 'norms-biases'
    byRole[place] = (byRole[place] ?? 0) + bytes
    weights += bytes
  }
  const blocks = variant === 'plain' ? 0 : maxPostBlocks + maxSituationBlocks
  const selfCache = 4 * decoderLayers * 2 * maxPositions * dModel
  // The strategy source has one key: a vector per layer stands for its attention.
  const strategy = variant === 'plain' ? 0 : decoderLayers * dModel
  const crossCache = 4 * (decoderLayers * 2 * (maxPositions + blocks) * dModel + strategy)
  return { weights, byRole, selfCache, crossCache, total: weights + selfCache + crossCache }
}
