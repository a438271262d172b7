import type { Scratch } from '../gpu/scratch.js'
import type { Tensor } from '../gpu/tensor.js'
import { attentionTiles } from '../ops/attention.js'

/** Sequences of ids of different lengths, one after the other: no padding is computed. */
export class RaggedBatch {
  readonly lengths: readonly number[]
  /** First row of each sequence. */
  readonly starts: readonly number[]
  readonly rows: number

  constructor(readonly sequences: readonly (readonly number[])[]) {
    this.lengths = sequences.map((it) => it.length)
    let rows = 0
    this.starts = this.lengths.map((length) => {
      rows += length
      return rows - length
    })
    this.rows = rows
  }

  ids(): Uint32Array {
    return Uint32Array.from(this.sequences.flat())
  }

  /** 0, 1, 2, … within each sequence. */
  positions(): Uint32Array {
    return Uint32Array.from(this.lengths.flatMap((length) => Array.from({ length }, (_, i) => i)))
  }
}

/** The ragged boundaries that {@link attention} works by. */
export function uploadTiles(
  scratch: Scratch,
  label: string,
  queries: readonly number[],
  keys: readonly number[],
): Tensor {
  const tiles = attentionTiles(queries, keys)
  return scratch.upload(label, [tiles.length / 4, 4], tiles)
}
