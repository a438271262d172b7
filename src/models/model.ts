import type { ConfigIds } from '../generation/token-rules.js'
import type { Tensor } from '../gpu/tensor.js'
import type { CacheShape, KvCache, NewIds } from '../nn/kv-cache.js'
import type { Pass } from '../nn/pass.js'

/** What of its config anything that draws from a model needs. */
export interface ModelConfig extends ConfigIds {
  /** `max_position_embeddings`, or `n_positions`: ids that the decoder reads, at most. */
  readonly maxPositions: number
}

/** How large a {@link Model}'s cache is; what is left out, the config says. */
export interface CacheSizes {
  /** Sequences drawn together. */
  readonly slots: number
  /** Slots that hold an input's sources, the first ones; default: all. Beams of one input share those of one slot. */
  readonly sourceSlots?: number
  /** Ids that the decoder reads of one sequence, at most. */
  readonly positions?: number
  /** Rows of each source, at most. */
  readonly sources?: readonly number[]
}

/** The first id that the decoder reads of a sequence, after what {@link Model.start} left in its cache. */
export interface FirstId {
  readonly id: number
  /** Rows that the cache holds. */
  readonly length: number
  /** Its position, by the table of positions, where that is not the length. */
  readonly position?: number
}

/** What a start tells beside the caches it fills. */
export interface Started<Told> {
  /** To be read back. */
  readonly tensors: readonly Tensor[]
  /** Makes of their values what is told of each input. */
  read(values: readonly Float32Array[]): Told[]
}

/** What a start tells where a model says nothing of its inputs. */
export const nothingTold = (inputs: readonly unknown[]): Started<undefined> => ({
  tensors: [],
  read: () => inputs.map(() => undefined),
})

/** Ids of a usual dialogue. */
export const usualLength = 200

/** So many ids, which say nothing. */
export const usualIds = (length: number): number[] => new Array<number>(length).fill(0)

/**
 * The seam between a family of models and all that is written once: sampling, beams, batching, streams, timing, validation. A
 * model says how rows start and how they go on; it never knows how ids are chosen.
 *
 * @typeParam Input what it reads: ids of a dialogue and its blocks, of a text, or of a prompt.
 * @typeParam Told what it can tell of an input beside the ids drawn.
 */
export interface Model<Input = unknown, Told = unknown> {
  readonly config: ModelConfig
  /** What a {@link Pass} that it records is made with. */
  readonly weights: unknown
  /** Elements of the widest row that a step works with. */
  readonly widestRow: number

  /** What a slot of its cache holds where nothing else is asked for. */
  readonly cacheShape: CacheShape

  /** Makes room for sequences to be drawn. */
  createCache(sizes: CacheSizes): KvCache

  /**
   * An input that says nothing, of lengths that are often met: what is compiled for it serves most, and it can be timed.
   *
   * @param length ids of its text, default: {@link usualLength}; no more than the model takes.
   * @param ids draws so many; default: {@link usualIds}.
   */
  usualInput(length?: number, ids?: (length: number) => number[]): Input

  /** Ids that reading an input computes, at most. */
  size(input: Input): number

  /** Rows that an input has in each source of a cache: see {@link CacheSizes.sources}. */
  sourceRows(input: Input): readonly number[]

  /** Where drawing begins for an input. */
  first(input: Input): FirstId

  /** Records: reads inputs (encodes them), and fills these slots of a cache. */
  start(pass: Pass, inputs: readonly Input[], cache: KvCache, slots: readonly number[]): Started<Told>

  /**
   * Records: from new ids of sequences, after what the cache holds of them, to logits, a row for each id.
   *
   * @returns [sequences · newRows, V]
   */
  step(pass: Pass, cache: KvCache, rows: NewIds): Tensor

  /** What {@link start} recorded last may never be computed. */
  forget(): void

  /** Frees what it holds beside its weights. */
  dispose(): void
}
