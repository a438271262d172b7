import type { Gpu } from '../../gpu/gpu.js'
import type { Tensor } from '../../gpu/tensor.js'
import { type CacheShape, KvCache } from '../../nn/kv-cache.js'
import type { CacheSizes } from '../model.js'
import type { ListenersConfig } from './config.js'

/** Rows that {@link cachedWindows} keeps. */
const KEPT_ROWS = 3

/** Listeners of a sequence, and the basic one; 0 without. */
export const placesOf = ({ listeners }: ListenersConfig): number => (listeners > 0 ? listeners + 1 : 0)

/** What a slot of the cache holds: the reply so far, its last rows before each convolution, the context and who listens. */
export function listenersCache(config: ListenersConfig) {
  const { depth, decoderHeads: heads, decoderLayers, maxPositions: positions, dModel, decoderFfn } = config
  const places = placesOf(config)
  const sideBySide = [...(places > 0 ? [places] : []), ...new Array<number>(decoderLayers).fill(1)]
  const all = sideBySide.reduce((sum, it) => sum + it, 0)
  return {
    ...{ layers: sideBySide.length, sideBySide, d: depth, heads, positions, sources: [positions] },
    ofSequence: all * KEPT_ROWS * (dModel + decoderFfn),
    ofSources: 2 * places,
  } satisfies CacheShape
}

/** What the decoder keeps for each reply being drawn. */
export class ListenersCache extends KvCache {
  /** Per layer, of all that run side by side: the last rows ahead of each of its two convolutions, [slots, 3, width]. */
  readonly windows: readonly { readonly input: Tensor; readonly hidden: Tensor }[]
  /** u32 [source slots, places, 2]: the listeners of each sequence and their shares, see {@link Choices}. */
  readonly choices: Tensor | undefined

  constructor(gpu: Gpu, config: ListenersConfig, sizes: CacheSizes) {
    const shape = listenersCache(config)
    super(gpu, { ...shape, ...sizes })
    const kept = (name: string, i: number, width: number) =>
      gpu.tensor(`windows.${name}.${i}`, [sizes.slots, KEPT_ROWS, width])
    this.windows = shape.sideBySide.map((parts, i) => ({
      input: kept('input', i, parts * config.dModel),
      hidden: kept('hidden', i, parts * config.decoderFfn),
    }))
    const places = placesOf(config)
    if (places > 0) this.choices = gpu.tensor('cross.choices', [sizes.sourceSlots ?? sizes.slots, places, 2], 'u32')
  }

  override get slotTensors(): Tensor[] {
    const windows = this.windows.flatMap(({ input, hidden }) => [input, hidden])
    return [...super.slotTensors, ...windows, ...(this.choices ? [this.choices] : [])]
  }
}
