import type { Gpu } from '../../gpu/gpu.js'
import type { Tensor } from '../../gpu/tensor.js'
import type { Pass } from '../../nn/pass.js'
import { RaggedBatch } from '../../nn/ragged-batch.js'
import { copyRows } from '../../ops/copy-rows.js'
import { encodeFirstTokens } from './block-encoder.js'
import type { MiscWeights } from './layout.js'

/** Rows that one pass of the block encoder computes at most: bounds its scratch memory. */
const maxPassRows = 4096

/**
 * The states of COMET blocks, by their ids: a block that was encoded before costs nothing. Holds a bounded number of
 * blocks; the one unused for longest makes room.
 */
export class BlockCache {
  #states: Tensor
  /** Rows by block ids, least recently used first. */
  readonly #rows = new Map<string, number>()

  constructor(
    readonly gpu: Gpu,
    readonly width: number,
    readonly capacity = 1024,
  ) {
    this.#states = gpu.tensor('blocks', [capacity, width])
  }

  /** [capacity or more, d] */
  get states(): Tensor {
    return this.#states
  }

  /** Blocks held. */
  get size(): number {
    return this.#rows.size
  }

  /**
   * The rows of these blocks' states in {@link states}, in their order. Blocks not held yet are recorded to be encoded,
   * each distinct one once, in one ragged batch (or several, when they are very many).
   *
   * The recording must be submitted before the next one is made; {@link clear} if it never is.
   */
  encode(pass: Pass<MiscWeights>, blocks: readonly (readonly number[])[]): number[] {
    const distinct = new Map(blocks.map((ids) => [ids.join(), ids] as const))
    this.#reserve(pass, distinct.size)
    const fresh = [...distinct].filter(([key]) => !this.#touch(key))
    for (const [key] of fresh) this.#rows.set(key, this.#freeRow(distinct))

    for (const part of partition(fresh.map(([, ids]) => ids))) {
      const batch = new RaggedBatch(part)
      const states = encodeFirstTokens(pass, batch)
      const rows = Uint32Array.from(part, (ids) => this.#rows.get(ids.join())!)
      const to = pass.scratch.upload('blocks.to', [part.length], rows)
      copyRows(pass.recorder, { source: states, target: this.states, to }, part.length)
    }
    return blocks.map((ids) => this.#rows.get(ids.join())!)
  }

  /** Forgets every block. */
  clear(): void {
    this.#rows.clear()
  }

  dispose(): void {
    this.gpu.free(this.states)
  }

  /** Marks a block as the most recently used; false if it is not held. */
  #touch(key: string): boolean {
    const row = this.#rows.get(key)
    if (row === undefined) return false
    this.#rows.delete(key)
    this.#rows.set(key, row)
    return true
  }

  /** An unused row, or that of the block unused for longest that this call does not need. */
  #freeRow(needed: ReadonlyMap<string, unknown>): number {
    // A row is given up only to be taken at once: those in use are always the first ones.
    if (this.#rows.size < this.states.shape[0]!) return this.#rows.size
    for (const [key, row] of this.#rows) {
      if (needed.has(key)) continue
      this.#rows.delete(key)
      return row
    }
    throw new Error('the block cache is smaller than one call needs')
  }

  /** Makes room for more blocks in one call than the cache holds, and anew where there was no memory for that before. */
  #reserve(pass: Pass, count: number): void {
    const held = this.gpu.holds(this.states)
    if (held && count <= this.states.shape[0]!) return
    pass.scratch.retire(this.states)
    const rows = Math.max(this.capacity, 2 ** Math.ceil(Math.log2(Math.max(count, 1))))
    this.#states = this.gpu.tensor('blocks', [rows, this.width])
    this.clear()
  }
}

/** Splits blocks so that no part has more than {@link maxPassRows} rows. */
function partition(blocks: readonly (readonly number[])[]): (readonly number[])[][] {
  const parts: (readonly number[])[][] = []
  let rows = maxPassRows
  for (const ids of blocks) {
    if (rows + ids.length > maxPassRows) {
      parts.push([])
      rows = 0
    }
    parts.at(-1)!.push(ids)
    rows += ids.length
  }
  return parts
}
