/**
 * Score processors, in Hugging Face's semantics (transformers 4.2) and in the order of {@link processScores}. Each changes
 * a row of scores, one per vocabulary id, in place; a forbidden id scores −∞.
 *
 * `history` holds the ids that stood before, the start id included and padding left out: the reply so far, or the context
 * followed by it.
 */

/** What {@link processScores} needs to know; a subset of the generation options, and two facts of the vocabulary. */
export interface ProcessorOptions {
  /** Ids from here on (those of strategies, relations and `[CLS]`) are never part of a reply. */
  readonly firstAddedId: number
  /** The id that ends a reply. */
  readonly eosId: number
  readonly repetitionPenalty: number
  readonly noRepeatNgramSize: number
  readonly minLength: number
}

/** All processors, in their order. */
export function processScores(scores: Float32Array, history: ArrayLike<number>, options: ProcessorOptions): void {
  forbidAddedIds(scores, options.firstAddedId)
  penalizeRepetition(scores, history, options.repetitionPenalty)
  forbidRepeatedNgrams(scores, history, options.noRepeatNgramSize)
  forbidEarlyEnd(scores, history, options.minLength, options.eosId)
}

/** Forbids the ids that were added to the vocabulary. */
export function forbidAddedIds(scores: Float32Array, firstAddedId: number): void {
  scores.fill(-Infinity, firstAddedId)
}

/**
 * Makes every id in the history less likely, once each: a score below 0 is multiplied by the penalty, any other divided.
 * The division is a product with the penalty's f32 reciprocal, because WGSL rounds products exactly and divisions not.
 */
export function penalizeRepetition(scores: Float32Array, history: ArrayLike<number>, penalty: number): void {
  const [factor, reciprocal] = [Math.fround(penalty), Math.fround(1 / penalty)]
  for (const id of new Set(Array.from(history))) {
    const score = scores[id]!
    scores[id] = score * (score < 0 ? factor : reciprocal)
  }
}

/** Forbids every id that would end a run of `size` ids which the history already holds; `size` 0 forbids nothing. */
export function forbidRepeatedNgrams(scores: Float32Array, history: ArrayLike<number>, size: number): void {
  if (size === 0) return
  const prefix = size - 1
  for (let end = prefix; end < history.length; end++) {
    let same = 0
    while (same < prefix && history[end - prefix + same] === history[history.length - prefix + same]) same++
    if (same === prefix) scores[history[end]!] = -Infinity
  }
}

/** Forbids the end while the history is shorter than `minLength`. */
export function forbidEarlyEnd(
  scores: Float32Array,
  history: ArrayLike<number>,
  minLength: number,
  eosId: number,
): void {
  if (history.length < minLength) scores[eosId] = -Infinity
}
