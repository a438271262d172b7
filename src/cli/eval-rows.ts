import type { Engine } from '../engine/load.js'
import { strategyProbabilities } from '../engine/reply.js'
import type { ReplyEngine } from '../engine/reply-engine.js'
import type { GenerationOptions } from '../generation/options.js'
import type { Gpu } from '../gpu/gpu.js'
import type { RowLog } from '../io/row-log.js'
import type { ContextIds } from '../models/listeners/model.js'
import type { DialogueIds } from '../models/misc/misc.js'
import type { IdsInput } from '../text/dialogue.js'
import type { EsconvRow } from '../text/esconv-row.js'
import type { StrategyName } from '../text/strategies.js'
import { type ScoredReply, scoreReplies } from '../validate/perplexity.js'
import type { RepliesToScore } from '../validate/replies.js'
import { type EvalRow, evalRow } from './eval-row.js'

/**
 * Rows that are scored before their replies are drawn. They are always the same ones, whatever of them is done already, because
 * the last digits of what a model says of a row depend on what is computed beside it.
 */
const rowsTogether = 128
/** Replies asked for at once: more than are drawn together, so that one waits whenever one ends. */
const mostAtOnce = 64

/** How rows are evaluated. */
export interface RowOptions {
  /** The seed of row 0; that of row n is `seed + n`. */
  readonly seed: number
  readonly generation: GenerationOptions
  /** The one strategy of each row, in place of MISC's mixture; default: the mixture. */
  readonly single?: ReadonlyMap<number, StrategyName> | undefined
}

/**
 * Scores and draws all rows that a log lacks.
 *
 * @param onRow called whenever one is in the log
 */
export async function evaluateRows(
  gpu: Gpu,
  engine: Engine,
  { rows, replies, vocabulary }: RepliesToScore,
  log: RowLog<EvalRow>,
  { seed, generation, single }: RowOptions,
  onRow: () => void,
): Promise<void> {
  const any: ReplyEngine = engine
  for (let start = 0; start < rows.length; start += rowsTogether) {
    const together = [...rows.keys()].slice(start, start + rowsTogether)
    if (together.every((i) => log.rows.has(rows[i]!.row))) continue
    // What it remembers of earlier rows would change last digits, too.
    engine.forget()
    const forced = together.map((i) => withStrategy(engine, replies[i]!, forcedStrategy(engine, rows[i]!, single)))
    const scores = await scoreReplies(gpu, any.model, forced, vocabulary)
    // One iterator for all: each takes the next dialogue when its last has ended.
    const rest = together.entries()
    const drawOneByOne = async () => {
      for (const [at, i] of rest) {
        const row = rows[i]!
        if (log.rows.has(row.row)) continue
        const strategy = single?.get(row.row)
        const ofRow = { seed: (seed + row.row) % Number.MAX_SAFE_INTEGER, ...(strategy && { strategy }) }
        const drawn = await any.reply(questionOf(engine, replies[i]!), { ...generation, ...ofRow })
        log.add(evalRow(engine, row, replies[i]!, scores[at]!, drawn.text, strategy ?? drawn.strategy?.chosen))
        onRow()
      }
    }
    await Promise.all(Array.from({ length: mostAtOnce }, drawOneByOne))
  }
}

/** The strategy that MISC is scored with in place of its own mixture. */
function forcedStrategy(
  engine: Engine,
  { row, reply }: EsconvRow,
  single: ReadonlyMap<number, StrategyName> | undefined,
): StrategyName | undefined {
  if (engine.family !== 'misc') return undefined
  return engine.variant === 'released' && reply.strategy ? reply.strategy : single?.get(row)
}

const withStrategy = (engine: Engine, reply: ScoredReply, strategy: StrategyName | undefined): ScoredReply =>
  engine.family === 'misc' && strategy
    ? { ...reply, input: { ...(reply.input as DialogueIds), strategy: strategyProbabilities(strategy) } }
    : reply

/** What is asked of an engine: the very ids that the model was scored with. */
function questionOf({ family }: Engine, { input }: ScoredReply): IdsInput {
  if (family === 'listeners') {
    const { ids, roles } = input as ContextIds
    return { ids: { context: [...ids], roles: [...roles] } }
  }
  if (family === 'bart') return { ids: { context: [...(input as readonly number[])] } }
  if (family === 'joint') return { ids: { context: [...(input as { ids: readonly number[] }).ids] } }
  const { context, post, situation } = input as DialogueIds
  const copies = (blocks: readonly (readonly number[])[]) => blocks.map((it) => [...it])
  return { ids: { context: [...context], post: copies(post), situation: copies(situation) } }
}
