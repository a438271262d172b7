import { InputError } from '../errors.js'
import type { NamedToken } from './added-tokens.js'
import { bracketed, canonicalToken, RELATIONS, STRATEGIES, type StrategyName, strategyTokens } from './strategies.js'

/** The two public programs of BlenderBot-Joint, by their folders in github.com/thu-coai/Emotional-Support-Conversation. */
export type JointProgramName = 'codes' | 'codes_zcj'

/** What a program does with text. */
export interface JointProgram {
  /** The strategies in the order of their ids, which follow each other. */
  readonly strategies: readonly StrategyName[]
  /** Their tokens, in that order. */
  readonly tokens: readonly string[]
  /** Whether the last utterance of a context ends with EOS too. */
  readonly endsContext: boolean
  /** Ids of a context, at most: those of the model's positions, where there are fewer. */
  readonly contextIds: number
  /** Utterances of a context, at most. */
  readonly contextUtterances: number
  /** Ids of a target, at most: strategy and EOS included. */
  readonly targetIds: number
  /** Whether a supporter's turn is a target before the seeker has said anything; one that opens a dialogue never is. */
  readonly unheard: boolean
}

const ZCJ_STRATEGIES: readonly StrategyName[] = [
  ...(['Question', 'Restatement or Paraphrasing', 'Reflection of feelings', 'Self-disclosure'] as const),
  ...(['Affirmation and Reassurance', 'Providing Suggestions', 'Information', 'Others'] as const),
]

/** The paper's own program (baselines §9), and the one that a co-author wrote anew. */
export const JOINT_PROGRAMS: Readonly<Record<JointProgramName, JointProgram>> = {
  codes: {
    strategies: STRATEGIES,
    // As ESConv's first release spells two of them.
    tokens: STRATEGIES.map((name) => strategyTokens(name).at(-1)!),
    endsContext: true,
    contextIds: 512,
    // Its rows have five, the reply among them.
    contextUtterances: 4,
    targetIds: 512,
    unheard: false,
  },
  codes_zcj: {
    strategies: ZCJ_STRATEGIES,
    tokens: ZCJ_STRATEGIES.map(bracketed),
    endsContext: false,
    contextIds: 160,
    contextUtterances: Number.POSITIVE_INFINITY,
    targetIds: 41,
    unheard: true,
  },
}

/** A vocabulary of BlenderBot-Joint. */
export interface JointTokens {
  /** Which of the two, as the tokens' spelling and order tell. */
  readonly program: JointProgramName
  /** The id of the program's first strategy. */
  readonly firstStrategyId: number
}

/** Whether added tokens are BlenderBot-Joint's: all strategies, and none of MISC's relations. */
export function nameJoint(added: readonly NamedToken[]): boolean {
  const names = new Set(added.map(({ token }) => canonicalToken(token)))
  return STRATEGIES.every((name) => names.has(bracketed(name))) && !RELATIONS.some((name) => names.has(bracketed(name)))
}

/** The id of a strategy. */
export const strategyId = ({ program, firstStrategyId }: JointTokens, name: StrategyName): number =>
  firstStrategyId + JOINT_PROGRAMS[program].strategies.indexOf(name)

/**
 * Tells by names and order which program's vocabulary added tokens make.
 *
 * @param added what a folder's files name
 * @param folder for messages
 * @returns undefined where they are not BlenderBot-Joint's
 * @throws InputError where they are, but in neither program's order or spelling
 */
export function jointTokens(added: readonly NamedToken[], folder: string): JointTokens | undefined {
  if (!nameJoint(added)) return undefined
  const strategies = new Set(STRATEGIES.map(bracketed))
  const found = added.filter(({ token }) => strategies.has(canonicalToken(token))).sort((a, b) => a.id - b.id)
  // Two files may name a token.
  const distinct = found.filter(({ id }, i) => id !== found[i - 1]?.id)
  const program = (['codes', 'codes_zcj'] as const).find((name) =>
    distinct.every(({ token, id }, i) => token === JOINT_PROGRAMS[name].tokens[i] && id === distinct[0]!.id + i),
  )
  if (program) return { program, firstStrategyId: distinct[0]!.id }
  throw new InputError(
    `${folder}: its strategy tokens ${distinct.map(({ token, id }) => `${token} ${id}`).join(', ')} are in the order of ` +
      'neither program of BlenderBot-Joint (codes, codes_zcj): take added_tokens.json from the checkpoint',
  )
}
