import type { TokenRules } from '../generation/token-rules.js'
import type { Gpu } from '../gpu/gpu.js'
import type { Tensor } from '../gpu/tensor.js'

/** A model's {@link TokenRules} on the GPU. */
export interface RuleWords {
  /**
   * u32: the ids that end a reply, those forced first, those forced last, those forbidden first, the openings; then of each
   * forbidden run where its ids begin and end among these words; then the ids of the runs.
   */
  readonly words: Tensor
  /** Where each of the five lists ends. */
  readonly ends: Readonly<Record<'eos' | 'forced_first' | 'forced_last' | 'forbidden_first' | 'openings', number>>
  readonly runs: number
  readonly rules: TokenRules
}

/** Writes rules to the GPU. */
export function ruleWords(gpu: Gpu, rules: TokenRules): RuleWords {
  const { eosIds, forcedFirst, forcedLast, forbiddenFirst, openings, forbiddenRuns } = rules
  const words = [...eosIds]
  const endOf = (ids: readonly number[]) => words.push(...ids)
  const ends = {
    eos: words.length,
    forced_first: endOf(forcedFirst),
    forced_last: endOf(forcedLast),
    forbidden_first: endOf(forbiddenFirst),
    openings: endOf(openings),
  }
  let start = words.length + 2 * forbiddenRuns.length
  for (const { length } of forbiddenRuns) {
    words.push(start, start + length)
    start += length
  }
  for (const run of forbiddenRuns) words.push(...run)
  const tensor = gpu.tensorFrom('sampling.rules', [words.length], Uint32Array.from(words))
  return { words: tensor, ends, runs: forbiddenRuns.length, rules }
}
