import type { Engine } from '../engine/load.js'
import type { ReplyEngine } from '../engine/reply-engine.js'
import { toldStrategies } from '../engine/strategy-mixture.js'
import type { LogRow } from '../io/row-log.js'
import type { EsconvRow, EsconvTurn } from '../text/esconv-row.js'
import type { StrategyName } from '../text/strategies.js'
import type { ReplyScores, ScoredReply } from '../validate/perplexity.js'

/** What a model makes of a row: a line of its file. */
export interface EvalRow extends LogRow {
  readonly context: readonly Pick<EsconvTurn, 'speaker' | 'text'>[]
  /** The reply that the supporter gave, as the data writes it. */
  readonly reference: string
  /** The one that the model drew. */
  readonly hypothesis: string
  /** Of a model that has strategies. */
  readonly strategy?: {
    /** The one that the supporter took, where the data names it. */
    readonly reference: StrategyName | null
    /** What the model predicts. */
    readonly probs: Readonly<Record<StrategyName, number>>
    /** The one that the reply was drawn in, where it was one. */
    readonly chosen?: StrategyName
  }
  /** Cross-entropy of the reference, summed over its ids in the model's own vocabulary, EOS among them. */
  readonly nats: number
  readonly ids: number
  /** The reference is longer than the model's program takes it, and was cut. */
  readonly cut?: true
}

/** What a model makes of a row, as its file has it. */
export function evalRow(
  engine: Engine,
  { row, context, reply }: EsconvRow,
  { reply: ids }: ScoredReply,
  { losses, told }: ReplyScores,
  hypothesis: string,
  chosen: StrategyName | undefined,
): EvalRow {
  const probs = toldStrategies(engine, told)
  const { model }: ReplyEngine = engine
  return {
    row,
    context: context.map(({ speaker, text }) => ({ speaker, text })),
    reference: reply.text,
    hypothesis,
    ...(probs && { strategy: { reference: reply.strategy, probs, ...(chosen && { chosen }) } }),
    nats: losses.reduce((sum, it) => sum + it, 0),
    ids: losses.length,
    ...(!model.config.eosIds.includes(ids.at(-1)!) && { cut: true as const }),
  }
}
