import type { CorpusScores, StrategyScores } from '../metrics/scores.js'
import { rankStrategies, type StrategyPrediction } from '../metrics/strategy-accuracy.js'
import { splitSpace } from '../text/words.js'
import type { EvalHead, EvaluatedSystem } from './eval-model.js'

/**
 * What a model does on a split, as `misc eval --json` prints it beside the scores of its replies. Losses are eq. 8's, in nats.
 *
 * Perplexities per id are of models with the same vocabulary comparable, and of no others. `ppl-per-word` and `ppl-per-piece`
 * have a common denominator: the same nats, over something that does not depend on the model.
 */
export interface ModelFigures extends Pick<EvalHead, 'split' | 'seed' | 'dtype' | 'adapter'> {
  /** exp of `loss`. */
  readonly ppl: number
  /** L_r: mean cross-entropy of an id of the replies, over all ids of the split, EOS included, of the model's own vocabulary. */
  readonly loss: number
  /** How many ids that is. */
  readonly tokens: number
  /** Of how many the model takes each to be one. */
  readonly vocabulary: number
  /** L_g: mean cross-entropy of the strategies taken, by the logits with which the model chooses. Of a model that has them. */
  readonly 'strategy-loss'?: number
  /** exp of the mean over words between white space, with one more for the end of each reply. Replies that were cut are left out. */
  readonly 'ppl-per-word': number
  /** So over the ids that scores count, with one more for EOS. */
  readonly 'ppl-per-piece': number
}

/** What `misc eval --json` prints: the scores, of how many replies, and what they were counted with. */
export interface Evaluation extends CorpusScores, Partial<StrategyScores>, Partial<ModelFigures> {
  /** A system's, as its table names it. */
  readonly name?: string
  readonly replies: number
  /** The folder whose tokenizer gave the ids. */
  readonly tokenizer: string
  /** The version of WordNet that METEOR read; null without. */
  readonly wordnet: string | null
}

/**
 * The figures of a system.
 *
 * @param pieces of each row's reference, the ids that scores count
 */
export function modelFigures({ head, rows }: EvaluatedSystem, pieces: readonly (readonly number[])[]): ModelFigures {
  const { split, seed, dtype, adapter, vocabulary } = head
  const tokens = total(rows, ({ ids }) => ids)
  const loss = total(rows, ({ nats }) => nats) / tokens
  const whole = [...rows.keys()].filter((i) => !rows[i]!.cut)
  const nats = total(whole, (i) => rows[i]!.nats)
  const per = (units: (i: number) => number) => Math.exp(nats / total(whole, (i) => units(i) + 1))
  const losses = rows.flatMap(({ strategy }) =>
    strategy?.reference ? -Math.log(strategy.probs[strategy.reference]) : [],
  )
  return {
    split,
    ppl: Math.exp(loss),
    loss,
    tokens,
    vocabulary: vocabulary.ids,
    ...(losses.length > 0 && { 'strategy-loss': total(losses, (it) => it) / losses.length }),
    'ppl-per-word': per((i) => splitSpace(rows[i]!.reference).length),
    'ppl-per-piece': per((i) => pieces[i]!.length),
    ...{ seed, dtype, adapter },
  }
}

/** What a system predicted where the data names the strategy. */
export function strategyPredictions({ rows }: EvaluatedSystem): StrategyPrediction[] {
  return rows.flatMap(({ strategy }) =>
    strategy?.reference
      ? [{ reference: strategy.reference, ranking: rankStrategies((name) => strategy.probs[name]) }]
      : [],
  )
}

const total = <T>(items: readonly T[], of: (item: T) => number): number => items.reduce((sum, it) => sum + of(it), 0)
