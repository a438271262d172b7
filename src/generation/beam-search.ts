/** How a {@link BeamSearch} looks, in Hugging Face's terms. */
export interface BeamOptions {
  readonly numBeams: number
  /** A finished hypothesis scores its sum of log-probabilities / length^lengthPenalty. */
  readonly lengthPenalty: number
  /** End as soon as there are `numBeams` finished hypotheses, rather than when the best beam cannot beat the worst of them. */
  readonly earlyStopping: boolean
  /** Hypotheses that are given in the end. */
  readonly numReturnSequences: number
  /** Ids of a hypothesis at most, the start id and EOS included. */
  readonly maxLength: number
}

/** How a beam may go on. */
export interface Candidate {
  readonly id: number
  /** Its log-probability after those before it, as the score processors left it: f32. */
  readonly score: number
}

/** An unfinished hypothesis. */
export interface Beam {
  /** Its ids, without the start id. */
  readonly ids: readonly number[]
  /** The sum of their log-probabilities, rounded to f32 at every step. */
  readonly sum: number
  /** Which of the beams before the last step it goes on from. */
  readonly parent: number
}

/** A way that a step looked at, whether or not it went on. */
export interface LookedAt {
  /** Without the start id; the last is an end where it ended. */
  readonly ids: readonly number[]
  /** The sum of their log-probabilities, rounded to f32 at every step: steps rank by it. */
  readonly sum: number
}

/** Why a hypothesis ended: by an id that ends replies, because it is as long as allowed, or because the search was stopped. */
export type BeamEnd = 'stop' | 'length' | 'aborted'

/** What a search has found. */
export interface Hypothesis {
  /** Its ids, without the start id and EOS. */
  readonly ids: readonly number[]
  /** Its sum of log-probabilities / length^lengthPenalty; the length counts the start id and not the EOS. */
  readonly score: number
  readonly finishReason: BeamEnd
}

/**
 * Beam search for one input, in the semantics of transformers 4.2 (`BeamSearchScorer`, `BeamHypotheses`): it is told how each
 * beam may go on, and says which do. It computes no probabilities.
 *
 * Beams that Hugging Face keeps at −∞, where fewer than `numBeams` can go on, are left out here: nothing comes of them.
 */
export class BeamSearch {
  #beams: readonly Beam[] = [{ ids: [], sum: 0, parent: 0 }]
  /** Ids of a beam, those before its first included. */
  #length: number
  readonly #before: number
  /** The best finished ones, `numBeams` at most, in the order in which they came. */
  readonly #finished: Hypothesis[] = []
  #worst = Number.POSITIVE_INFINITY
  #done = false
  /** Ids that {@link settled} has told. */
  #told = 0

  /**
   * @param before ids of a hypothesis before its first: the start id, and of a model that is a decoder alone its prompt. All
   *   lengths include them; `maxLength` is one of them.
   * @param looked is told of every step the 2·numBeams best ways at most, best first, of those that its beams name
   */
  constructor(
    readonly options: BeamOptions,
    readonly eosIds: readonly number[],
    before = 1,
    readonly looked?: (ways: readonly LookedAt[]) => void,
  ) {
    this.#before = before
    this.#length = before
  }

  /** Those that go on, best first; at first a single one, without ids. */
  get beams(): readonly Beam[] {
    return this.#beams
  }

  /** Whether nothing more is to come. */
  get done(): boolean {
    return this.#done || this.#beams.length === 0 || this.#length >= this.options.maxLength
  }

  /**
   * Candidates that each beam must name for the search to see all that can matter: as many may go on, and every id that ends
   * may be among them.
   */
  static candidates(numBeams: number, eosIds: readonly number[]): number {
    return numBeams + eosIds.length
  }

  /**
   * One step.
   *
   * @param candidates of each of the beams: its best, {@link BeamSearch.candidates} of them or as many as can come.
   */
  advance(candidates: readonly (readonly Candidate[])[]): void {
    const { numBeams, earlyStopping } = this.options
    const all = candidates.flatMap((list, parent) =>
      list.map(({ id, score }) => ({ id, parent, sum: Math.fround(this.#beams[parent]!.sum + score) })),
    )
    // Of equal ones, those of the better beam first, then the lower id: as if all scores were one row.
    all.sort((a, b) => b.sum - a.sum || a.parent - b.parent || a.id - b.id)
    this.looked?.(
      all.slice(0, 2 * numBeams).map(({ id, parent, sum }) => ({ ids: [...this.#beams[parent]!.ids, id], sum })),
    )
    const next: Beam[] = []
    for (const [rank, { id, parent, sum }] of all.entries()) {
      const { ids } = this.#beams[parent]!
      if (!this.eosIds.includes(id)) next.push({ ids: [...ids, id], sum, parent })
      else if (rank < numBeams) this.#add(ids, sum, this.#length + 1 < this.options.maxLength ? 'stop' : 'length')
      if (next.length === numBeams) break
    }
    if (this.#finished.length >= numBeams && all.length > 0) {
      this.#done = earlyStopping || this.#worst >= this.#scoreOf(all[0]!.sum, this.#length)
    }
    this.#beams = next
    this.#length++
  }

  /**
   * Ids of the best hypothesis that can no longer change, from where the last call ended: those that all beams which can still
   * win share, and the finished one that may win.
   */
  settled(): number[] {
    const best = this.#sorted()[0]
    const rivals = this.#done ? [] : this.#beams.filter((it) => !best || this.#bound(it.sum) >= best.score)
    const [first, ...others] = [...(best ? [best.ids] : []), ...rivals.map(({ ids }) => ids)]
    let end = this.#told
    if (first) while (end < first.length && others.every((ids) => ids[end] === first[end])) end++
    const settled = first?.slice(this.#told, end) ?? []
    this.#told = end
    return settled
  }

  /**
   * What was found, best first: `numReturnSequences` hypotheses, or fewer where there were never so many ways to go on. Unless
   * the search came to its end by itself, beams count among them as they are.
   *
   * @param aborted whether it is stopped before its end: then what there is so far, nothing before the first step.
   */
  finish(aborted = false): Hypothesis[] {
    const begun = this.#length > this.#before
    if (begun && !this.#done) for (const { ids, sum } of this.#beams) this.#add(ids, sum, 'length')
    this.#done = true
    this.#beams = []
    const best = this.#sorted().slice(0, this.options.numReturnSequences)
    return aborted ? best.map((it) => ({ ...it, finishReason: 'aborted' })) : best
  }

  /** Best first; of equal ones the newest first, as where a stable sort is read from its end. */
  #sorted(): Hypothesis[] {
    return this.#finished.toReversed().sort((a, b) => b.score - a.score)
  }

  #add(ids: readonly number[], sum: number, finishReason: BeamEnd): void {
    const score = this.#scoreOf(sum, this.#before + ids.length)
    const full = this.#finished.length >= this.options.numBeams
    if (full && score <= this.#worst) return
    this.#finished.push({ ids, score, finishReason })
    // Of equal ones the oldest goes.
    if (full)
      this.#finished.splice(
        this.#finished.findIndex((it) => it.score === this.#worst),
        1,
      )
    this.#worst = Math.min(...this.#finished.map((it) => it.score))
  }

  #scoreOf(sum: number, length: number): number {
    return sum / length ** this.options.lengthPenalty
  }

  /** The most that a beam's hypotheses can score: log-probabilities are never above 0, so only the length can help. */
  #bound(sum: number): number {
    const longest = Math.max(this.#length, this.options.maxLength)
    return Math.max(this.#scoreOf(sum, this.#length), this.#scoreOf(sum, longest))
  }
}
