import { InputError } from '../errors.js'
import { quote } from '../quote.js'

/** The eight support strategies of ESConv, in the order of their ids 0–7. Their tokens are these names in brackets. */
export const STRATEGIES = [
  'Question',
  'Reflection of feelings',
  'Information',
  'Restatement or Paraphrasing',
  'Others',
  'Self-disclosure',
  'Affirmation and Reassurance',
  'Providing Suggestions',
] as const

/** One of {@link STRATEGIES}. */
export type StrategyName = (typeof STRATEGIES)[number]

/** Strategies as ESConv's first release and BlenderBot-Joint's vocabulary spell them. */
const OTHER_SPELLINGS: Readonly<Partial<Record<StrategyName, string>>> = { Question: 'Questions', Others: 'Other' }

/** The strategy that a data set means by a name; undefined where it is none. */
export const strategyNamed = (name: string): StrategyName | undefined =>
  STRATEGIES.find((strategy) => name === strategy || name === OTHER_SPELLINGS[strategy])

/** The nine COMET relations, in the order of their ids in the vocabulary. */
export const RELATIONS = [
  'xAttr',
  'xEffect',
  'xIntent',
  'xNeed',
  'xReact',
  'xWant',
  'oWant',
  'oEffect',
  'oReact',
] as const

/** One of {@link RELATIONS}. */
export type RelationName = (typeof RELATIONS)[number]

/** The token of a strategy or relation in the vocabulary and in misc-esconv's files. */
export const bracketed = (name: StrategyName | RelationName): string => `[${name}]`

/** The 18 tokens that MISC adds to blenderbot_small, in the order of their ids from N on. */
export const ADDED_TOKENS: readonly string[] = [...STRATEGIES.map(bracketed), ...RELATIONS.map(bracketed), '[CLS]']

/** The tokens that vocabularies have for a strategy, MISC's own first. */
export const strategyTokens = (name: StrategyName): string[] =>
  [name, OTHER_SPELLINGS[name] ?? []].flat().map((spelling) => `[${spelling}]`)

/** A token as MISC spells it: `[Question]` for `[Questions]`. Others stay as they are. */
export const canonicalToken = (token: string): string => CANONICAL.get(token) ?? token

const CANONICAL = new Map(STRATEGIES.flatMap((name) => strategyTokens(name).map((token) => [token, bracketed(name)])))

/** Index 0–7 of a strategy by its exact name. Throws an {@link InputError} that lists the names. */
export function strategyIndex(name: string): number {
  const index = (STRATEGIES as readonly string[]).indexOf(name)
  if (index >= 0) return index
  throw new InputError(`unknown strategy ${quote(name)}; the strategies are: ${STRATEGIES.join(', ')}`)
}
