import type { Gpu } from '../gpu/gpu.js'
import type { Scratch } from '../gpu/scratch.js'
import type { SlotTensors } from '../gpu/slots.js'
import type { Tensor } from '../gpu/tensor.js'
import { splitHeads } from '../ops/split-heads.js'
import type { Linear } from './layout.js'
import type { Pass } from './pass.js'
import { project } from './rows.js'

/** New rows of sequences: one of each when decoding, all of them when teacher-forced. */
export interface NewRows {
  readonly sequences: number
  readonly newRows: number
  /** u32 [sequences]: rows already in the caches, hence the place of a sequence's first new row. */
  readonly lengths: Tensor
  /** u32 [sequences]: the slot that holds a sequence's sources. */
  readonly slots: Tensor
  /**
   * The row table, u32 [sequences, columns]: the slot that holds row j of a sequence, at column j, or at the last where there
   * are fewer columns; where all of a sequence lies in one slot, {@link slots} will do. Sequences move, and beams fork, by
   * their entries here, and no cache is copied.
   */
  readonly table: Tensor
}

/** New ids of sequences. */
export interface NewIds extends NewRows {
  /** u32 [sequences · newRows] */
  readonly ids: Tensor
  /** u32 [sequences · newRows]: where they stand, by the table of positions. */
  readonly positions: Tensor
}

/** What a slot of a {@link KvCache} holds: what the memory of a model is told by, and its caches are made by. */
export interface CacheShape {
  readonly layers: number
  /** How many layers run side by side in the place of each, where not all do alone: their heads add up. */
  readonly sideBySide?: readonly number[]
  /** Width of the keys and values of a layer, d: that of the model, as a rule. */
  readonly d: number
  readonly heads: number
  /** The longest sequence. */
  readonly positions: number
  /** The most rows of each source that the decoder attends to; none where it attends to itself alone. */
  readonly sources: readonly number[]
  /** Elements that it keeps of a sequence beside its rows' keys and values; default: 0. */
  readonly ofSequence?: number
  /** Elements that it keeps of its sources beside their keys and values; default: 0. */
  readonly ofSources?: number
}

/** Sizes of a {@link KvCache}. */
export interface KvCacheSizes extends CacheShape {
  readonly slots: number
  /** Slots that hold sources, the first ones; default: all. */
  readonly sourceSlots?: number | undefined
}

/** How many layers there are, with all that run side by side. */
const allLayers = ({ layers, sideBySide }: Pick<CacheShape, 'layers' | 'sideBySide'>) =>
  sideBySide?.reduce((sum, it) => sum + it, 0) ?? layers

/** Elements of a slot: of the rows so far, and of the sources. */
export function cacheElements(shape: CacheShape) {
  const { d, positions, sources, ofSequence = 0, ofSources = 0 } = shape
  const rows = sources.reduce((sum, it) => sum + it, 0)
  const width = allLayers(shape) * 2 * d
  return { self: width * positions + ofSequence, cross: width * rows + ofSources }
}

/** Elements of the largest tensor of which a slot has a part: of the rows so far, and of those of the sources. */
export function largestElements({ d, sideBySide = [], positions, sources }: CacheShape) {
  const width = Math.max(1, ...sideBySide) * d
  return { self: width * positions, cross: 2 * width * sources.reduce((sum, it) => sum + it, 0) }
}

/**
 * What a decoder keeps for each sequence being drawn: a slot holds the keys and values of its rows so far, and those of
 * its sources, made once. Which slots a sequence has, its {@link NewRows} say.
 */
export class KvCache implements SlotTensors {
  readonly slots: number
  /** Of each of a layer's parts that run side by side. */
  readonly heads: number
  /** Keys and values of each layer's earlier rows, [slots, positions, d], of all that run side by side. */
  readonly self: readonly { readonly keys: Tensor; readonly values: Tensor }[]
  /** Per layer: keys and values of the rows of all sources, head by head, [source slots, heads, rows, 2e]. Empty without any. */
  readonly cross: readonly Tensor[]
  /** u32 [source slots, sources, 2]: which of a slot's rows are those of each source, the first and one past the last. */
  readonly ranges: Tensor
  /** Rows kept for a slot, of all sources. */
  readonly rowsPerSlot: number
  /** Where the rows of each source begin among those of a slot. */
  readonly sourceStarts: readonly number[]
  readonly #sources: (readonly number[])[] = []

  constructor(
    readonly gpu: Gpu,
    { slots, sourceSlots = slots, layers, sideBySide = [], d, heads, positions, sources }: KvCacheSizes,
  ) {
    const perLayer = <T>(make: (i: number, parts: number) => T): T[] =>
      Array.from({ length: layers }, (_, i) => make(i, sideBySide[i] ?? 1))
    this.slots = slots
    this.heads = heads
    let rowsPerSlot = 0
    this.sourceStarts = sources.map((rows) => {
      rowsPerSlot += rows
      return rowsPerSlot - rows
    })
    this.rowsPerSlot = rowsPerSlot
    this.self = perLayer((i, parts) => ({
      keys: gpu.tensor(`self.keys.${i}`, [slots, positions, parts * d]),
      values: gpu.tensor(`self.values.${i}`, [slots, positions, parts * d]),
    }))
    if (sources.length === 0) this.cross = []
    else {
      this.cross = perLayer((i, parts) =>
        gpu.tensor(`cross.${i}`, [sourceSlots, parts * heads, rowsPerSlot, (2 * d) / heads]),
      )
    }
    this.ranges = gpu.tensor('cross.ranges', [sourceSlots, sources.length, 2], 'u32')
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

  /** The tensors of a slot were copied from a slot of another cache: its rows are as many. */
  adoptSources(source: KvCache, from: number, to: number): void {
    if (source.cross.length > 0) this.setSources(to, source.#sources[from]!)
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
  const places = sources.map(({ counts }, s) => uploadSourceRows(scratch, cache, slots, counts, s))
  layers.forEach(({ crossKeyValue }, i) => {
    sources.forEach(({ states, rows: count }, s) => {
      const { x: source } = project(pass, 'cross.key-value', { x: states, count }, crossKeyValue[s]!)
      splitHeads(recorder, { source, to: places[s]!, target: cache.cross[i]! }, count)
    })
  })
}

/** u32 [rows]: where in the cache the rows of a source stand, {@link splitHeads}'s `to`, of sequences with so many each. */
export function uploadSourceRows(
  scratch: Scratch,
  cache: KvCache,
  slots: readonly number[],
  counts: readonly number[],
  source: number,
): Tensor {
  const starts = slots.map((slot) => slot * cache.rowsPerSlot + cache.sourceStarts[source]!)
  const rows = counts.flatMap((count, i) => Array.from({ length: count }, (_, row) => starts[i]! + row))
  return scratch.upload('cross.to', [rows.length], Uint32Array.from(rows))
}

/**
 * Whole sequences from their first row on: what is teacher-forced, or a prompt. Those shorter than the longest are padded:
 * what that leaves in the cache lies behind their rows, where nothing reads it before their next rows take its place.
 *
 * @param slots of each; default: that of its number
 * @param positions of their ids; default: 0, 1, 2, …
 */
export function wholeSequences(
  scratch: Scratch,
  ids: readonly (readonly number[])[],
  slots: readonly number[] = [...ids.keys()],
  positions: readonly (readonly number[])[] = ids.map((row) => [...row.keys()]),
): NewIds {
  const newRows = Math.max(...ids.map((row) => row.length))
  const upload = (label: string, values: readonly number[]) =>
    scratch.upload(label, [values.length], Uint32Array.from(values))
  const padded = (rows: readonly (readonly number[])[]) =>
    rows.flatMap((row) => [...row, ...new Array<number>(newRows - row.length).fill(0)])
  const table = upload('decoder.slots', slots)
  return {
    ...{ sequences: ids.length, newRows, slots: table, table },
    ids: upload('decoder.ids', padded(ids)),
    positions: upload('decoder.positions', padded(positions)),
    lengths: upload('decoder.lengths', new Array<number>(ids.length).fill(0)),
  }
}
