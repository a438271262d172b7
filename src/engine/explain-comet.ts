import type { Hypothesis } from '../generation/beam-search.js'
import type { ResolvedOptions } from '../generation/options.js'
import type { WeightDtype } from '../gpu/tensor.js'
import type { Piece } from './explanation.js'

/** One inference. */
export interface Tail {
  /** A few words, as in "to find a job". */
  readonly text: string
  /**
   * Its sum of log-probabilities / length^lengthPenalty, as transformers 4.2 counts lengths. Of COMET-BART and comet-mini the length
   * is that of the tail and the start id: with the usual penalty of 1 about the mean of its ids. Of COMET-2019, a decoder alone, it
   * is that of all before EOS, prompt and padding included, 18 ids and the tail's: the tail's own length weighs less than in the mean
   * of its ids, which its own program takes.
   */
  readonly score: number
}

/** A piece of a relation's tails, and what goes on from it. */
export interface TailNode extends Piece {
  /** After the pieces before it, as the model's own logits say. */
  readonly probability: number
  /** The tail that ends with it, where one does. */
  readonly tail: Tail | undefined
  /** Likeliest first. */
  readonly next: readonly TailNode[]
}

/** What a search found of an event, as trees. */
export interface EventExplanation {
  /** As it was asked of. */
  readonly event: string
  /** By relation: the first pieces of its tails. Tails that begin alike share their pieces. */
  readonly trees: Readonly<Record<string, readonly TailNode[]>>
  /** Ids of the event that the model has no positions for. */
  readonly cut: number
  /** With what its tails were searched for. */
  readonly options: ResolvedOptions
  /** The number format of weight matrices on the GPU. */
  readonly dtype: WeightDtype
  /** The name of the adapter that computed. */
  readonly adapter: string
}

/** A tail as a search found it, id by id; the end is the last, where it has one. */
export interface FoundTail {
  readonly tail: Tail
  readonly pieces: readonly Piece[]
  readonly probabilities: readonly number[]
}

/** The ids of a hypothesis with its end. */
export const withEnd = ({ ids, finishReason }: Hypothesis, [end]: readonly number[]): readonly number[] =>
  finishReason === 'stop' && end !== undefined ? [...ids, end] : ids

/** Tails as a tree of their pieces, from the one at `depth` on. */
export function tailTree(found: readonly FoundTail[], depth = 0): TailNode[] {
  const byId = new Map<number, FoundTail[]>()
  for (const it of found) {
    const piece = it.pieces[depth]
    if (piece) byId.set(piece.id, [...(byId.get(piece.id) ?? []), it])
  }
  const nodes = [...byId.values()].map((sharing): TailNode => {
    const [first] = sharing
    const ended = sharing.find((it) => it.pieces.length === depth + 1)
    const probability = first!.probabilities[depth]!
    return { ...first!.pieces[depth]!, probability, tail: ended?.tail, next: tailTree(sharing, depth + 1) }
  })
  return nodes.sort((a, b) => b.probability - a.probability)
}
