import type { Hypothesis, LookedAt } from '../generation/beam-search.js'
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

/** A piece of a relation's tails, or of a way that the search dropped, and what goes on from it. */
export interface TailNode extends Piece {
  /** After the pieces before it, as the model's own logits say; of what was dropped, as the score processors left it. */
  readonly probability: number
  /** Of the pieces up to it, the sum of log-probabilities: by this each step of the search ranks its ways. */
  readonly sum: number
  /** Whether no tail that is given goes through it: a better one took its place in the search, or in what is given. */
  readonly dropped: boolean
  /** The tail that ends with it, where one does. */
  readonly tail: Tail | undefined
  /** Likeliest first. */
  readonly next: readonly TailNode[]
}

/** What a search found of an event, as trees. */
export interface EventExplanation {
  /** As it was asked of. */
  readonly event: string
  /**
   * By relation: the first pieces of its tails, and of what the search dropped: of the 2·numBeams likeliest ways of each step, of
   * which a beam names numBeams + 1 at most, those that came to nothing. Ways that begin alike share their pieces.
   */
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

/** A tail, or what the search dropped, id by id; the end is the last, where it has one. */
export interface Way {
  readonly tail: Tail | undefined
  readonly pieces: readonly Piece[]
  readonly probabilities: readonly number[]
}

/** The ids of a hypothesis with its end. */
export const withEnd = ({ ids, finishReason }: Hypothesis, [end]: readonly number[]): readonly number[] =>
  finishReason === 'stop' && end !== undefined ? [...ids, end] : ids

/** Sums of a search by the ids that lead to them. */
export class Sums {
  readonly #byIds = new Map<string, number>()

  constructor(looked: readonly LookedAt[]) {
    for (const { ids, sum } of looked) this.#byIds.set(ids.join(), sum)
  }

  /** Of these ids; none are certain. */
  of(ids: readonly number[]): number {
    return ids.length === 0 ? 0 : this.#byIds.get(ids.join())!
  }
}

/** What a search looked at and gave no tail of; an end that the length forces on a tail is none. */
export function droppedWays(
  looked: readonly LookedAt[],
  sums: Sums,
  found: readonly Hypothesis[],
  eosIds: readonly number[],
  piece: (id: number) => Piece,
): Way[] {
  const forced = new Set(found.filter((it) => it.finishReason !== 'stop').map(({ ids }) => ids.join()))
  return looked
    .filter(({ ids }) => !(eosIds.includes(ids.at(-1)!) && forced.has(ids.slice(0, -1).join())))
    .map(({ ids }) => ({
      tail: undefined,
      pieces: ids.map(piece),
      probabilities: ids.map((_, i) => Math.exp(sums.of(ids.slice(0, i + 1)) - sums.of(ids.slice(0, i)))),
    }))
}

/** Ways as a tree of their pieces, from the one at `depth` on; of several that share a piece the first says its probability. */
export function tailTree(ways: readonly Way[], sums: Sums, depth = 0): TailNode[] {
  const byId = new Map<number, Way[]>()
  for (const it of ways) {
    const piece = it.pieces[depth]
    if (piece) byId.set(piece.id, [...(byId.get(piece.id) ?? []), it])
  }
  const nodes = [...byId.values()].map((sharing): TailNode => {
    const { pieces, probabilities } = sharing[0]!
    const tail = sharing.find((it) => it.tail && it.pieces.length === depth + 1)?.tail
    return {
      ...pieces[depth]!,
      probability: probabilities[depth]!,
      sum: sums.of(pieces.slice(0, depth + 1).map(({ id }) => id)),
      dropped: sharing.every((it) => !it.tail),
      tail,
      next: tailTree(sharing, sums, depth + 1),
    }
  })
  return nodes.sort((a, b) => b.probability - a.probability)
}
