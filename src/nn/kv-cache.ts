import type { Gpu } from '../gpu/gpu.js'
import type { SlotTensors } from '../gpu/slots.js'
import type { Tensor } from '../gpu/tensor.js'
import { splitHeads } from '../ops/split-heads.js'
import type { Linear } from './layout.js'
import type { Pass } from './pass.js'
import { project } from './rows.js'

/** New rows of every slot in use: one when decoding, a whole reply when teacher-forced. */
export interface NewRows {
  readonly slots: number
  readonly newRows: number
  /** u32 [slots]: rows already in the self-attention caches, hence the position of a slot's first new row. */
  readonly lengths: Tensor
}

/** Sizes of a {@link KvCache}. */
export interface KvCacheSizes {
  readonly slots: number
  readonly layers: number
  /** Width of the model, d. */
  readonly d: number
  readonly heads: number
  /** The longest sequence. */
  readonly positions: number
  /** The most rows of each source that the decoder attends to. */
  readonly sources: readonly number[]
}

/**
 * What a decoder keeps for each sequence being drawn: a slot holds the keys and values of its rows so far, and those of
 * its sources, made once. Slots 0 … n − 1 are in use when n sequences are drawn together.
 */
export class KvCache implements SlotTensors {
  readonly slots: number
  readonly heads: number
  /** Keys and values of each layer's earlier rows, [slots, positions, d]. */
  readonly self: readonly { readonly keys: Tensor; readonly values: Tensor }[]
  /** Per layer: keys and values of the rows of all sources, head by head, [slots, heads, rows, 2e]. */
  readonly cross: readonly Tensor[]
  /** u32 [slots, sources, 2]: which of a slot's rows are those of each source, the first and one past the last. */
  readonly ranges: Tensor
  /** Rows kept for a slot, of all sources. */
  readonly rowsPerSlot: number
  /** Where the rows of each source begin among those of a slot. */
  readonly sourceStarts: readonly number[]
  readonly #sources: (readonly number[])[] = []

  constructor(
    readonly gpu: Gpu,
    { slots, layers, d, heads, positions, sources }: KvCacheSizes,
  ) {
    const perLayer = <T>(make: (i: number) => T): T[] => Array.from({ length: layers }, (_, i) => make(i))
    this.slots = slots
    this.heads = heads
    let rowsPerSlot = 0
    this.sourceStarts = sources.map((rows) => {
      rowsPerSlot += rows
      return rowsPerSlot - rows
    })
    this.rowsPerSlot = rowsPerSlot
    this.self = perLayer((i) => ({
      keys: gpu.tensor(`self.keys.${i}`, [slots, positions, d]),
      values: gpu.tensor(`self.values.${i}`, [slots, positions, d]),
    }))
    this.cross = perLayer((i) => gpu.tensor(`cross.${i}`, [slots, heads, rowsPerSlot, (2 * d) / heads]))
    this.ranges = gpu.tensor('cross.ranges', [slots, sources.length, 2], 'u32')
  }

  /** Says how many rows a slot will have in each source. */
  setSources(slot: number, rows: readonly number[]): void {
    this.#sources[slot] = rows
    const ranges = rows.flatMap((count, s) => [this.sourceStarts[s]!, this.sourceStarts[s]! + count])
    this.gpu.write(this.ranges, Uint32Array.from(ranges), slot * ranges.length)
  }

  /** Tensors of which every slot has an equal part, one after the other. */
  get slotTensors(): Tensor[] {
    return [this.self.flatMap((it) => [it.keys, it.values]), this.cross].flat()
  }

  /** The tensors of a slot were copied from a slot of another cache, or of this one: its rows are as many. */
  adoptSources(source: KvCache, from: number, to: number): void {
    this.setSources(to, source.#sources[from]!)
  }

  dispose(): void {
    this.gpu.free(...this.slotTensors, this.ranges)
  }
}

/** The states of one source of several sequences, sequence after sequence. */
export interface SourceStates {
  /** [rows, d] */
  readonly states: Tensor
  /** Rows of each sequence. */
  readonly counts: readonly number[]
  readonly rows: number
}

/**
 * Computes the keys and values of each source for every layer, into the slots of the sequences.
 *
 * @param layers each with the projections of all sources
 * @param slots of the sequences, in their order
 */
export function cacheSources(
  pass: Pass,
  cache: KvCache,
  layers: readonly { readonly crossKeyValue: readonly Linear[] }[],
  slots: readonly number[],
  sources: readonly SourceStates[],
): void {
  const { recorder, scratch } = pass
  const places = sources.map(({ counts }, s) => {
    const starts = slots.map((slot) => slot * cache.rowsPerSlot + cache.sourceStarts[s]!)
    const rows = counts.flatMap((count, i) => Array.from({ length: count }, (_, row) => starts[i]! + row))
    return scratch.upload('cross.to', [rows.length], Uint32Array.from(rows))
  })
  layers.forEach(({ crossKeyValue }, i) => {
    sources.forEach(({ states, rows: count }, s) => {
      const { x: source } = project(pass, 'cross.key-value', { x: states, count }, crossKeyValue[s]!)
      splitHeads(recorder, { source, to: places[s]!, target: cache.cross[i]! }, count)
    })
  })
}
