import type { TokenRules } from './token-rules.js'

/** The generation options that score processors read. */
export interface ProcessorOptions {
  readonly repetitionPenalty: number
  readonly noRepeatNgramSize: number
  readonly minLength: number
  readonly maxLength: number
}

/** What stood before. */
export interface Before {
  /** The ids that the processors see, the start id included and padding left out: the reply, or the context and the reply. */
  readonly history: readonly number[]
  /** How many of them were drawn for the reply. */
  readonly drawn: number
  /** Whether what is drawn next is the reply's opening; default: it is a word. */
  readonly opening?: boolean
}

/**
 * Score processors, in Hugging Face's semantics (transformers 4.2) and order: they change a row of scores, one per vocabulary
 * id, in place; a forbidden id scores −∞. Where an id is forced, the others are forbidden and nothing else counts.
 */
export function processScores(
  scores: Float32Array,
  before: Before,
  options: ProcessorOptions,
  rules: TokenRules,
): void {
  const { history, drawn, opening = false } = before
  const forced = opening ? [] : forcedIds(drawn, options.maxLength, rules)
  if (forced.length > 0) {
    scores.fill(-Infinity)
    for (const id of forced) scores[id] = 0
    return
  }
  if (opening) for (const id of scores.keys()) scores[id] = rules.openings.includes(id) ? scores[id]! : -Infinity
  else scores.fill(-Infinity, rules.firstAddedId)
  penalizeRepetition(scores, history, options.repetitionPenalty)
  forbidRepeatedNgrams(scores, history, options.noRepeatNgramSize)
  for (const run of rules.forbiddenRuns) if (endsWith(history, run.slice(0, -1))) scores[run.at(-1)!] = -Infinity
  if (history.length < options.minLength) for (const id of rules.eosIds) scores[id] = -Infinity
  if (drawn === 0) for (const id of rules.forbiddenFirst) scores[id] = -Infinity
}

/** The ids of which the next must be one; none where it is free. */
function forcedIds(drawn: number, maxLength: number, { forcedFirst, forcedLast }: TokenRules): readonly number[] {
  if (forcedLast.length > 0 && drawn + 2 >= maxLength) return forcedLast
  return drawn === 0 ? forcedFirst : []
}

/**
 * Makes every id in the history less likely, once each: a score below 0 is multiplied by the penalty, any other divided.
 * The division is a product with the penalty's f32 reciprocal, because WGSL rounds products exactly and divisions not.
 */
function penalizeRepetition(scores: Float32Array, history: readonly number[], penalty: number): void {
  const [factor, reciprocal] = [Math.fround(penalty), Math.fround(1 / penalty)]
  for (const id of new Set(history)) {
    const score = scores[id]!
    if (Number.isFinite(score)) scores[id] = score * (score < 0 ? factor : reciprocal)
  }
}

/** Forbids every id that would end a run of `size` ids which the history already holds; `size` 0 forbids nothing. */
function forbidRepeatedNgrams(scores: Float32Array, history: readonly number[], size: number): void {
  if (size === 0) return
  const prefix = size - 1
  for (let end = prefix; end < history.length; end++) {
    let same = 0
    while (same < prefix && history[end - prefix + same] === history[history.length - prefix + same]) same++
    if (same === prefix) scores[history[end]!] = -Infinity
  }
}

function endsWith(history: readonly number[], run: readonly number[]): boolean {
  return run.length <= history.length && run.every((id, i) => history[history.length - run.length + i] === id)
}
