import type { StrategyScores } from '../models/misc/model.js'
import { STRATEGIES, type StrategyName } from '../text/strategies.js'
import type { StrategyMixture } from './reply.js'

/** The mixture that a model's scores say, by name. */
export function strategyMixture({ logits, probs }: StrategyScores): StrategyMixture {
  const best = STRATEGIES.reduce((best, _, i) => (logits[i]! > logits[best]! ? i : best), 0)
  const entries = STRATEGIES.map((name, i) => [name, probs[i]!] as const)
  return { probs: Object.fromEntries(entries) as Record<StrategyName, number>, predicted: STRATEGIES[best]! }
}
