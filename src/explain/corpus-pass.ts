import { toldStrategies } from '../engine/strategy-mixture.js'
import type { Gpu } from '../gpu/gpu.js'
import type { LogRow, RowLog } from '../io/row-log.js'
import type { Model } from '../models/model.js'
import type { ModelDescription } from '../models/registry.js'
import type { StrategyName } from '../text/strategies.js'
import { scoreReplies } from '../validate/perplexity.js'
import type { RepliesToScore } from '../validate/replies.js'

/** Rows of a pass, always the same ones, because the last digits of what a model says depend on what is computed beside it. */
const rowsTogether = 128

/** What a model predicts of a row: a line of its file. */
export interface StrategyRow extends LogRow {
  /** The strategy that the supporter took. */
  readonly reference: StrategyName
  readonly probs: Readonly<Record<StrategyName, number>>
}

/**
 * Has a model of MISC or BlenderBot-Joint predict the strategies of all rows that a log lacks. Dialogues are read in batches and no
 * reply is drawn: the decoder takes one step.
 *
 * @param replies of rows that name a strategy
 * @param onRows called with how many more are in the log
 */
export async function predictStrategies(
  gpu: Gpu,
  model: Model,
  description: ModelDescription,
  { rows, replies, vocabulary }: RepliesToScore,
  log: RowLog<StrategyRow>,
  onRows: (count: number) => void,
): Promise<void> {
  for (let start = 0; start < rows.length; start += rowsTogether) {
    const together = rows.slice(start, start + rowsTogether)
    const missing = together.filter(({ row }) => !log.rows.has(row))
    if (missing.length === 0) continue
    // What it remembers of earlier rows would change last digits, too.
    model.forget()
    const begun = replies
      .slice(start, start + rowsTogether)
      .map(({ input, reply }) => ({ input, reply: reply.slice(0, 1) }))
    const told = await scoreReplies(gpu, model, begun, vocabulary)
    for (const [i, { row, reply }] of together.entries()) {
      if (log.rows.has(row)) continue
      log.add({ row, reference: reply.strategy!, probs: toldStrategies(description, told[i]!.told)! })
    }
    onRows(missing.length)
  }
}
