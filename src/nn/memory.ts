import { sizeOf, type WeightDtype } from '../gpu/tensor.js'
import { type CacheShape, cacheElements } from './kv-cache.js'
import { layoutsOf, type ModelLayout, type TensorLayout } from './layout.js'

/** Bytes on the GPU. */
export interface WeightMemory {
  readonly total: number
  /** Of which: matrices and tables by their role (the scales of int8 count with them), and all vectors as `norms-biases`. */
  readonly byRole: Readonly<Record<string, number>>
}

/** What weights take on the GPU, those of a model or of a part of one, where matrices are kept in this dtype. */
export function weightMemory(weights: unknown, dtype: WeightDtype): WeightMemory {
  const byRole: Record<string, number> = {}
  let total = 0
  for (const layout of layoutsOf(weights)) {
    const bytes = bytesOf(layout, dtype)
    const [rows = 1, columns] = layout.parts[0]!.shape
    const place = columns !== undefined && rows > 1 ? layout.role : 'norms-biases'
    byRole[place] = (byRole[place] ?? 0) + bytes
    total += bytes
  }
  return { total, byRole }
}

/** Bytes on the GPU. The caches are those of one input at its longest. */
export interface MemoryEstimate {
  readonly weights: number
  readonly byRole: WeightMemory['byRole']
  /** Keys and values of what is drawn, and of a prompt. */
  readonly selfCache: number
  /** Of the input's sources, made once for it. */
  readonly crossCache: number
  readonly total: number
}

/** What a model needs on the GPU besides scratch memory, as `loadWeights` and its cache of one slot make it. */
export function estimateMemory(
  { layout, cache }: { readonly layout: ModelLayout; readonly cache: CacheShape },
  dtype: WeightDtype,
): MemoryEstimate {
  const { total: weights, byRole } = weightMemory(layout.weights, dtype)
  const { self, cross } = cacheElements(cache)
  const [selfCache, crossCache] = [4 * self, 4 * cross]
  return { weights, byRole, selfCache, crossCache, total: weights + selfCache + crossCache }
}

/** In int8 with one f32 scale per row. */
function bytesOf(layout: TensorLayout, ofWeights: WeightDtype): number {
  const elements = sizeOf(layout.shape)
  return { f32: 4 * elements, f16: 2 * elements, int8: elements + 4 * layout.shape[0]! }[layout.dtype(ofWeights)]
}
