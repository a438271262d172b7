import { basename, join, resolve } from 'node:path'
import { type Engine, openEngine } from '../engine/load.js'
import { describeFolder } from '../engine/load-model.js'
import { strategyProbabilities } from '../engine/reply.js'
import type { ReplyEngine } from '../engine/reply-engine.js'
import { InputError } from '../errors.js'
import type { GenerationOptions } from '../generation/options.js'
import type { Gpu } from '../gpu/gpu.js'
import type { WeightDtype } from '../gpu/tensor.js'
import { bytesOf, filesDigest, textDigest } from '../io/checksums.js'
import { modelFolder } from '../io/model-folder.js'
import { type LogRow, RowLog } from '../io/row-log.js'
import { rankStrategies } from '../metrics/strategy-accuracy.js'
import type { ContextIds } from '../models/listeners/model.js'
import type { DialogueIds } from '../models/misc/misc.js'
import { packageVersion } from '../platform/node/packaged.js'
import type { IdsInput } from '../text/dialogue.js'
import type { EsconvRow, EsconvTurn } from '../text/esconv-row.js'
import { JOINT_PROGRAMS } from '../text/joint-programs.js'
import { STRATEGIES, type StrategyName } from '../text/strategies.js'
import { type ReplyScores, type ScoredReply, scoreReplies } from '../validate/perplexity.js'
import { type RepliesToScore, repliesOf, rowReader } from '../validate/replies.js'
import type { System } from './eval-systems.js'
import { type GpuFlags, withGpu } from './gpu-command.js'
import { progressBar } from './progress.js'
import { withBars } from './reply-command.js'
import { warn } from './stdio.js'

/**
 * Rows that are scored before their replies are drawn. They are always the same ones, whatever of them is done already, because
 * the last digits of what a model says of a row depend on what is computed beside it.
 */
const rowsTogether = 128
/** Replies asked for at once: more than are drawn together, so that one waits whenever one ends. */
const mostAtOnce = 64

/** How models are evaluated. */
export interface EvalOptions extends GpuFlags {
  readonly dtype: WeightDtype
  /** Where the rows are from, for messages. */
  readonly data: string
  /** The folder of the files; without it nothing is written. */
  readonly out?: string
  /** The seed of row 0; that of row n is `seed + n`. */
  readonly seed: number
  readonly generation: GenerationOptions
}

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

/** What a file's first line says: all that its rows depend on. */
export interface EvalHead {
  /** Of misc-webgpu. */
  readonly version: string
  readonly model: string
  readonly variant: string
  /** SHA-256 over the model's files: weights, configs and vocabulary. */
  readonly sha256: string
  readonly family: string
  /** Whose ids `nats` and `ids` count: how many take part, and SHA-256 of the file that names them. */
  readonly vocabulary: { readonly ids: number; readonly sha256: string }
  readonly split: string
  readonly rows: number
  /** SHA-256 over the rows of the data. */
  readonly data: string
  readonly seed: number
  readonly options: GenerationOptions
  readonly dtype: WeightDtype
  readonly adapter: string
}

/** A system, evaluated. */
export interface EvaluatedSystem {
  readonly system: System
  readonly head: EvalHead
  /** In their order. */
  readonly rows: readonly EvalRow[]
}

/** A system whose files are read, but for its weights. */
interface ReadSystem extends RepliesToScore {
  readonly system: System
  readonly folder: string
  readonly head: Omit<EvalHead, 'adapter'>
}

/**
 * Evaluates systems on the same rows, one after the other: scores the replies that people gave, teacher-forced, and draws one to
 * each dialogue. A row's own blocks are read, and no others. As the authors evaluate, MISC's released variant is scored with the
 * strategy that the supporter took, where the data names it, and BlenderBot-Joint always; in MISC's paper variant, and in all
 * replies drawn, the model's own choice counts.
 *
 * @throws InputError for what is wrong with any file, before the GPU is opened; where a file of `out` is of other arguments
 */
export async function evaluateSystems(
  systems: readonly System[],
  rows: readonly EsconvRow[],
  options: EvalOptions,
): Promise<EvaluatedSystem[]> {
  const data = textDigest(JSON.stringify(rows))
  const models = new Map<string, Awaited<ReturnType<typeof readModel>>>()
  for (const { model } of systems) if (!models.has(model)) models.set(model, await readModel(model))
  const read: ReadSystem[] = []
  for (const system of systems) read.push(await readSystem(models.get(system.model)!, system, rows, data, options))
  const evaluated: EvaluatedSystem[] = []
  for (const it of read) evaluated.push(await evaluateSystem(it, evaluated, options))
  return evaluated
}

/** A model's files, but for its weights. */
async function readModel(model: string) {
  const folder = await modelFolder(model)
  const description = await describeFolder(folder)
  const reader = await rowReader(folder, description)
  const files = /\.(safetensors|json|txt)$/
  using progress = progressBar(`hashing ${folder}`, await bytesOf(folder, files), 'bytes')
  const sha256 = await filesDigest(folder, files, (count) => progress.advance(count))
  const vocabulary = { ids: reader.vocabulary, sha256: await filesDigest(folder, /^vocab\.json$/) }
  return { folder, description, reader, head: { family: description.family, sha256, vocabulary } }
}

async function readSystem(
  { folder, description, reader, head }: Awaited<ReturnType<typeof readModel>>,
  system: System,
  rows: readonly EsconvRow[],
  data: string,
  options: EvalOptions,
): Promise<ReadSystem> {
  const { model, variant } = system
  if (variant.name !== 'full' && description.family !== 'misc') {
    throw new InputError(`${folder}: holds ${description.title}, and Tables 4, 6 and 7 are of MISC: give --table 2`)
  }
  const { reads = (row: EsconvRow) => row } = variant
  using progress = progressBar(`reading the rows for ${system.name}`, rows.length, 'rows')
  const replies = await repliesOf(reader, rows.map(reads), options.data, warn, () => progress.advance(1))
  const { dtype, seed, generation } = options
  const { split } = rows[0]!
  const of = { version: packageVersion, model: basename(resolve(model)), variant: variant.name, ...head }
  const on = { split, rows: replies.rows.length, data, seed, options: generation, dtype }
  return { ...replies, system, folder, head: { ...of, ...on } }
}

async function evaluateSystem(
  read: ReadSystem,
  earlier: readonly EvaluatedSystem[],
  options: EvalOptions,
): Promise<EvaluatedSystem> {
  const { system, folder, rows } = read
  const { dtype, out } = options
  return withGpu(options, async (gpu) => {
    const head = { ...read.head, adapter: gpu.adapter.name }
    using log = await RowLog.open<EvalRow>(out && join(out, system.file), head, warn)
    if (log.rows.size < rows.length) {
      const { leaveOut } = system.variant
      const load = { dtype, comet: false, leaveOut } as const
      await using engine = await withBars((onProgress) => openEngine(gpu, folder, { ...load, onProgress }))
      await evaluateRows(gpu, engine, read, predictions(system, earlier), log, options)
    }
    return { system, head, rows: await log.finish() }
  })
}

/** The strategies that a single one is taken from: those that the model as it is holds likeliest, by row. */
function predictions({ model, variant }: System, earlier: readonly EvaluatedSystem[]) {
  if (!variant.single) return undefined
  const { rows } = earlier.find(({ system }) => system.model === model && system.variant.name === 'full')!
  return new Map(rows.map(({ row, strategy }) => [row, rankStrategies((name) => strategy!.probs[name])[0]!]))
}

/** Scores and draws all rows that a log lacks. */
async function evaluateRows(
  gpu: Gpu,
  engine: Engine,
  { system, rows, replies, vocabulary }: ReadSystem,
  single: ReadonlyMap<number, StrategyName> | undefined,
  log: RowLog<EvalRow>,
  { seed, generation }: EvalOptions,
): Promise<void> {
  const missing = rows.length - log.rows.size
  const label = `evaluating ${system.name} on ${gpu.adapter.name}`
  using progress = progressBar(label, missing, 'replies', { remaining: true })
  for (let start = 0; start < rows.length; start += rowsTogether) {
    const together = [...rows.keys()].slice(start, start + rowsTogether)
    if (together.every((i) => log.rows.has(rows[i]!.row))) continue
    // What it remembers of earlier rows would change last digits, too.
    engine.forget()
    const forced = together.map((i) => withStrategy(engine, replies[i]!, forcedStrategy(engine, rows[i]!, single)))
    const scores = await scoreReplies(gpu, (engine as ReplyEngine).model, forced, vocabulary)
    // One iterator for all: each takes the next dialogue when its last has ended.
    const rest = together.entries()
    const drawOneByOne = async () => {
      for (const [at, i] of rest) {
        const row = rows[i]!
        if (log.rows.has(row.row)) continue
        const strategy = single?.get(row.row)
        const drawing = {
          ...generation,
          ...(strategy && { strategy }),
          seed: (seed + row.row) % Number.MAX_SAFE_INTEGER,
        }
        const drawn = await (engine as ReplyEngine).reply(questionOf(engine, replies[i]!), drawing)
        const chosen: StrategyName | undefined = strategy ?? drawn.strategy?.chosen
        log.add(lineOf(engine, row, replies[i]!, scores[at]!, drawn.text, chosen))
        progress.advance(1)
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

function lineOf(
  engine: Engine,
  { row, context, reply }: EsconvRow,
  { reply: ids }: ScoredReply,
  { losses, told }: ReplyScores,
  hypothesis: string,
  chosen: StrategyName | undefined,
): EvalRow {
  const probs = strategyProbs(engine, told)
  const { eosIds } = (engine as ReplyEngine).model.config
  return {
    row,
    context: context.map(({ speaker, text }) => ({ speaker, text })),
    reference: reply.text,
    hypothesis,
    ...(probs && { strategy: { reference: reply.strategy, probs, ...(chosen && { chosen }) } }),
    nats: losses.reduce((sum, it) => sum + it, 0),
    ids: losses.length,
    ...(!eosIds.includes(ids.at(-1)!) && { cut: true as const }),
  }
}

/** The probabilities of the strategies, as the model predicts them, in double precision; undefined where it has none. */
function strategyProbs(engine: Engine, told: unknown): Record<StrategyName, number> | undefined {
  if (engine.family !== 'misc' && engine.family !== 'joint') return undefined
  const order = engine.family === 'misc' ? STRATEGIES : JOINT_PROGRAMS[engine.config.program].strategies
  const { logits } = told as { readonly logits: Float32Array }
  const best = Math.max(...logits)
  const powers = Array.from(logits, (logit) => Math.exp(logit - best))
  const sum = powers.reduce((a, b) => a + b)
  return Object.fromEntries(STRATEGIES.map((name) => [name, powers[order.indexOf(name)]! / sum])) as Record<
    StrategyName,
    number
  >
}
