import { type StrategyPrediction, topAccuracy } from '../metrics/strategy-accuracy.js'
import type { EsconvRow } from '../text/esconv-row.js'
import { STRATEGIES, type StrategyName } from '../text/strategies.js'
import { type Stages, stagesOf } from './corpus-stages.js'

/** The most guesses that Figure 5 allows. */
const MOST_GUESSES = 5

/** Who predicted strategies, and what: one prediction a row, `undefined` where there is none. */
export interface Predictions {
  readonly name: string
  /** What made them, for the page and the JSON. */
  readonly made: Readonly<Record<string, unknown>>
  readonly ofRows: readonly (readonly StrategyName[])[]
}

/** Percent of the replies of a stage, by strategy; null in a stage without replies. */
export type Shares = Readonly<Record<StrategyName, readonly (number | null)[]>>

/** What Figures 3 and 5 and the confusion show of a system. */
export interface SystemFigures {
  readonly name: string
  readonly made: Readonly<Record<string, unknown>>
  /** [6] of each strategy: in how many percent of the replies of a stage it was held likeliest. */
  readonly shares: Shares
  /** [5] or fewer: in how many percent of the replies the strategy taken is among the k likeliest, k from 1, for as many as every row tells. */
  readonly topAccuracy: readonly number[]
  /** [8][8]: replies by the strategy taken and the one held likeliest, in the order of `strategies`. */
  readonly confusion: readonly (readonly number[])[]
}

/** Every number that the page draws. */
export interface CorpusFigures {
  readonly data: string
  readonly split: string
  /** Replies whose strategy the data names. Others take no part. */
  readonly replies: number
  readonly unnamed: number
  /** In the order of all lists here. */
  readonly strategies: readonly StrategyName[]
  readonly stages: Pick<Stages, 'by' | 'labels'> & {
    /** [6]. */
    readonly replies: readonly number[]
  }
  /** [6] of each strategy, of those that supporters took. */
  readonly taken: Shares
  readonly systems: readonly SystemFigures[]
}

/**
 * The figures of a split.
 *
 * @param rows with strategies that the data names, at least one
 * @param unnamed how many others there are
 * @param systems a ranking for each of the rows
 */
export function corpusFigures(
  { data, split, rows, unnamed }: { data: string; split: string; rows: readonly EsconvRow[]; unnamed: number },
  systems: readonly Predictions[],
): CorpusFigures {
  const { ofRows: stages, ...named } = stagesOf(rows)
  const taken = rows.map(({ reply }) => reply.strategy!)
  const replies = named.labels.map((_, stage) => stages.filter((it) => it === stage).length)
  const shares = (strategies: readonly StrategyName[]): Shares => {
    const share = (name: StrategyName) =>
      replies.map((count, stage) =>
        count === 0 ? null : (100 * strategies.filter((it, i) => it === name && stages[i] === stage).length) / count,
      )
    return Object.fromEntries(STRATEGIES.map((name) => [name, share(name)])) as Record<StrategyName, (number | null)[]>
  }
  return {
    ...{ data, split, replies: rows.length, unnamed, strategies: STRATEGIES },
    stages: { ...named, replies },
    taken: shares(taken),
    systems: systems.map(({ name, made, ofRows }) => {
      const predictions = ofRows.map((ranking, i) => ({ reference: taken[i]!, ranking }))
      return {
        ...{ name, made },
        shares: shares(ofRows.map(([best]) => best!)),
        topAccuracy: topAccuracies(predictions),
        confusion: STRATEGIES.map((reference) =>
          STRATEGIES.map(
            (best) => predictions.filter((it) => it.reference === reference && it.ranking[0] === best).length,
          ),
        ),
      }
    }),
  }
}

/** In percent, for as many guesses as all predictions have. */
const topAccuracies = (predictions: readonly StrategyPrediction[]): number[] =>
  Array.from({ length: MOST_GUESSES }, (_, i) => topAccuracy(predictions, i + 1)).flatMap((it) =>
    it === undefined ? [] : 100 * it,
  )
