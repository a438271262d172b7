import { STRATEGIES, type StrategyName } from '../text/strategies.js'

/** The strategy that a supporter took, and those that a model held likeliest, best first: all eight, or fewer. */
export interface StrategyPrediction {
  readonly reference: StrategyName
  readonly ranking: readonly StrategyName[]
}

/**
 * Top-k accuracy: the part of the predictions, 0 to 1, whose k likeliest hold the strategy taken.
 *
 * @returns undefined where a ranking names fewer than k
 */
export function topAccuracy(predictions: readonly StrategyPrediction[], k: number): number | undefined {
  if (predictions.some(({ ranking }) => ranking.length < k)) return undefined
  return (
    predictions.filter(({ reference, ranking }) => ranking.slice(0, k).includes(reference)).length / predictions.length
  )
}

/** All strategies, the one of the highest score first; equal ones in the order of {@link STRATEGIES}. */
export function rankStrategies(score: (name: StrategyName, index: number) => number): StrategyName[] {
  return STRATEGIES.map((name, i) => ({ name, score: score(name, i) }))
    .sort((a, b) => b.score - a.score)
    .map(({ name }) => name)
}
