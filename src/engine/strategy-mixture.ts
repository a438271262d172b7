import type { JointConfig } from '../models/joint/config.js'
import type { StrategyScores } from '../models/misc/model.js'
import type { Family } from '../models/registry.js'
import { JOINT_PROGRAMS } from '../text/joint-programs.js'
import { STRATEGIES, type StrategyName } from '../text/strategies.js'
import type { StrategyMixture } from './reply.js'

/** The mixture that a model's scores say, by name. */
export function strategyMixture({ logits, probs }: StrategyScores): StrategyMixture {
  const best = STRATEGIES.reduce((best, _, i) => (logits[i]! > logits[best]! ? i : best), 0)
  const entries = STRATEGIES.map((name, i) => [name, probs[i]!] as const)
  return { probs: Object.fromEntries(entries) as Record<StrategyName, number>, predicted: STRATEGIES[best]! }
}

/** What is to be known of a model to read its strategies. */
export type StrategyTeller =
  | { readonly family: 'joint'; readonly config: Pick<JointConfig, 'program'> }
  | { readonly family: Exclude<Family, 'joint'> }

/** Whether a model predicts strategies. */
export const predictsStrategies = ({ family }: StrategyTeller): boolean => family === 'misc' || family === 'joint'

/**
 * The probabilities of the strategies, as a model predicts them, in double precision; undefined where it has none.
 *
 * @param told what the model tells of a dialogue
 */
export function toldStrategies(model: StrategyTeller, told: unknown): Record<StrategyName, number> | undefined {
  if (!predictsStrategies(model)) return undefined
  const order = model.family === 'joint' ? JOINT_PROGRAMS[model.config.program].strategies : STRATEGIES
  const { logits } = told as { readonly logits: Float32Array }
  const best = Math.max(...logits)
  const powers = Array.from(logits, (logit) => Math.exp(logit - best))
  const sum = powers.reduce((a, b) => a + b)
  const entries = STRATEGIES.map((name) => [name, powers[order.indexOf(name)]! / sum] as const)
  return Object.fromEntries(entries) as Record<StrategyName, number>
}
