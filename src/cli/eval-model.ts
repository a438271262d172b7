import { describeFolder } from '../engine/load-model.js'
import { Misc } from '../engine/misc.js'
import { type Reply, type ReplyOptions, strategyProbabilities } from '../engine/reply.js'
import { InputError } from '../errors.js'
import type { Gpu } from '../gpu/gpu.js'
import type { WeightDtype } from '../gpu/tensor.js'
import { rankStrategies, type StrategyPrediction } from '../metrics/strategy-accuracy.js'
import type { MiscConfig } from '../models/misc/config.js'
import type { DialogueIds } from '../models/misc/misc.js'
import type { MiscModel, StrategyScores } from '../models/misc/model.js'
import type { Split } from '../text/esconv-row.js'
import { perplexity, type ReplyScores, scoreReplies } from '../validate/perplexity.js'
import { miscRows, type RepliesToScore, readReplies } from '../validate/replies.js'
import { generationOptions } from './generation-flags.js'
import { type GpuFlags, withGpu } from './gpu-command.js'
import { progressBar } from './progress.js'
import { withBars } from './reply-command.js'
import { warn } from './stdio.js'

/** Replies asked for at once: more than are drawn together, so that one waits whenever one ends. */
const mostAtOnce = 64

/** Flags that say how a model is evaluated; those of the generation options beside them. */
export interface EvalModelFlags extends GpuFlags, Record<string, unknown> {
  dtype: WeightDtype
  data: string
  split: Split
  limit?: number
}

/** What a model does on a split, as `misc eval --json` prints it beside the scores of its replies. */
export interface ModelFigures {
  readonly split: Split
  /** exp of the mean cross-entropy of an id, over all ids of the split: EOS included, ids of the model's own vocabulary. */
  readonly ppl: number
  /** How many ids that is. */
  readonly tokens: number
  /** The first reply's; the n-th after it has `seed + n`. */
  readonly seed: number
  readonly dtype: WeightDtype
  readonly adapter: string
}

/** A model's figures, its replies beside those that people gave, and its strategies where the data names them. */
export interface EvaluatedModel {
  readonly figures: ModelFigures
  readonly hypotheses: readonly string[]
  /** As the data writes them. */
  readonly references: readonly string[]
  readonly strategies: readonly StrategyPrediction[]
}

/**
 * Scores the replies of a split, teacher-forced, and draws one to each of its dialogues. A row's own blocks are read, and no
 * others. As the authors evaluate, the released variant is scored with the strategy that the supporter took, where the data
 * names it; in the paper variant, and in all replies drawn, the model's own mixture counts.
 *
 * @throws InputError
 */
export async function evaluateModel(folder: string, flags: EvalModelFlags): Promise<EvaluatedModel> {
  const { split, dtype } = flags
  // Files are read before the GPU is opened: what is wrong with them is said at once.
  const { seed = 0, ...options } = generationOptions(flags)
  const rowsToScore = await readReplies(await miscRows(folder, await readMiscConfig(folder)), flags, warn)
  const { scores, replies, adapter } = await withGpu(flags, async (gpu) => {
    await using misc = await withBars((onProgress) => Misc.open(gpu, folder, { dtype, comet: false, onProgress }))
    const scores = await score(gpu, misc.model, rowsToScore)
    const dialogues = rowsToScore.replies.map(({ input }) => input)
    return { scores, replies: await draw(misc, dialogues, { ...options, seed }), adapter: gpu.adapter.name }
  })
  const tokens = scores.reduce((sum, { losses }) => sum + losses.length, 0)
  return {
    figures: { split, ppl: perplexity(scores), tokens, seed, dtype, adapter },
    hypotheses: replies.map(({ text }) => text),
    references: rowsToScore.rows.map(({ reply }) => reply.text),
    strategies: rowsToScore.rows.flatMap(({ reply: { strategy } }, i) =>
      strategy ? [{ reference: strategy, ranking: rankStrategies((_, index) => scores[i]!.told.logits[index]!) }] : [],
    ),
  }
}

async function readMiscConfig(folder: string): Promise<MiscConfig> {
  const description = await describeFolder(folder)
  if (description.family === 'misc') return description.config
  throw new InputError(`${folder}: holds ${description.title}, and misc eval knows MISC alone`)
}

async function score(
  gpu: Gpu,
  model: MiscModel,
  { rows, replies, vocabulary }: RepliesToScore<DialogueIds>,
): Promise<ReplyScores<StrategyScores>[]> {
  const forced = replies.map((it, i) => {
    const { strategy } = rows[i]!.reply
    if (model.weights.variant !== 'released' || !strategy) return it
    return { ...it, input: { ...it.input, strategy: strategyProbabilities(strategy) } }
  })
  using progress = progressBar(`scoring on ${gpu.adapter.name}`, replies.length, 'replies', { remaining: true })
  return await scoreReplies(gpu, model, forced, vocabulary, (count) => progress.advance(count))
}

/** A reply to each dialogue, in their order; each has a seed of its own, whatever is drawn beside it. */
async function draw(
  misc: Misc,
  dialogues: readonly DialogueIds[],
  { seed, ...options }: ReplyOptions & { seed: number },
): Promise<Reply[]> {
  using progress = progressBar(`drawing on ${misc.adapter.name}`, dialogues.length, 'replies', { remaining: true })
  const replies: Reply[] = []
  // One iterator for all: each takes the next dialogue when its last has ended.
  const rest = dialogues.entries()
  const drawOneByOne = async () => {
    for (const [i, { context, post, situation }] of rest) {
      const ids = { context: [...context], post: post.map((it) => [...it]), situation: situation.map((it) => [...it]) }
      replies[i] = await misc.reply({ ids }, { ...options, seed: (seed + i) % Number.MAX_SAFE_INTEGER })
      progress.advance(1)
    }
  }
  await Promise.all(Array.from({ length: mostAtOnce }, drawOneByOne))
  return replies
}
