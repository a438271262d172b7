import { JOINT_PROGRAMS, type JointProgramName, type JointTokens } from '../text/joint-programs.js'
import type { GenerationOptions, ResolvedOptions } from './options.js'
import { type ConfigIds, type TokenRules, tokenRules } from './token-rules.js'

/**
 * How the programs of BlenderBot-Joint draw where nobody says otherwise: `codes` as its chat and its evaluation, `codes_zcj` as
 * RUN/infer_strat.sh; `codes` takes the size of n-grams from config.json. Lengths count the start id and not the strategy; min_length what processors see, strategy included.
 */
export const JOINT_DEFAULTS: Readonly<Record<JointProgramName, GenerationOptions>> = {
  codes: {
    ...{ temperature: 0.7, topK: 30, topP: 0.9, repetitionPenalty: 1.03 },
    ...{ minLength: 5, maxLength: 512, penalizeContext: true },
  },
  codes_zcj: {
    ...{ temperature: 0.7, topK: 0, topP: 0.9, repetitionPenalty: 1, noRepeatNgramSize: 0 },
    ...{ minLength: 10, maxLength: 41 },
  },
}

/**
 * What replies of a program keep to: first a strategy, then neither that nor another added id. Of `codes_zcj` the last id that the
 * length allows is EOS, in every mode (transformers 4.9.2).
 */
export function jointRules(config: JointTokens & ConfigIds): TokenRules {
  const { program, firstStrategyId } = config
  return {
    ...tokenRules(config, firstStrategyId),
    openings: JOINT_PROGRAMS[program].strategies.map((_, i) => firstStrategyId + i),
    ...(program === 'codes_zcj' && { forcedLast: config.eosIds.slice(0, 1) }),
  }
}

/**
 * How a program draws the strategy of a reply: `codes` as its words, `codes_zcj` from the softmax of the eight after top-p 0.9, whatever
 * stood before.
 *
 * @param words how the reply's words are drawn
 * @param sampled whether it is drawn at random, or the likeliest taken
 */
export function strategyOptions(program: JointProgramName, words: ResolvedOptions, sampled: boolean): ResolvedOptions {
  const alone = { ...words, doSample: sampled, numBeams: 1, numReturnSequences: 1 }
  if (program === 'codes_zcj') {
    return { ...alone, temperature: 1, topK: 0, topP: 0.9, repetitionPenalty: 1, noRepeatNgramSize: 0, minLength: 0 }
  }
  // Words that are not drawn at random do not say how that would be.
  const { temperature = 1, topK = 0, topP = 1 } = words.doSample ? words : JOINT_DEFAULTS.codes
  return { ...alone, temperature, topK, topP }
}
