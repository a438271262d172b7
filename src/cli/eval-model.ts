import { mkdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { openEngine } from '../engine/load.js'
import { describeFolder } from '../engine/load-model.js'
import { InputError } from '../errors.js'
import type { GenerationOptions } from '../generation/options.js'
import type { WeightDtype } from '../gpu/tensor.js'
import { bytesOf, filesDigest, textDigest } from '../io/checksums.js'
import { modelFolder } from '../io/model-folder.js'
import { RowLog } from '../io/row-log.js'
import { rankStrategies } from '../metrics/strategy-accuracy.js'
import { packageVersion } from '../platform/node/packaged.js'
import type { EsconvRow } from '../text/esconv-row.js'
import { type RepliesToScore, repliesOf, rowReader } from '../validate/replies.js'
import type { EvalRow } from './eval-row.js'
import { evaluateRows, type RowOptions } from './eval-rows.js'
import type { System } from './eval-systems.js'
import { type GpuFlags, withGpu } from './gpu-command.js'
import { progressBar } from './progress.js'
import { withBars } from './reply-command.js'
import { warn } from './stdio.js'

/** How models are evaluated. */
export interface EvalOptions extends GpuFlags, Pick<RowOptions, 'seed' | 'generation'> {
  readonly dtype: WeightDtype
  /** Where the rows are from, for messages. */
  readonly data: string
  /** The folder of the files; without it nothing is written. */
  readonly out?: string
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
  const data = rowsDigest(rows)
  const models = new Map<string, Awaited<ReturnType<typeof readModel>>>()
  for (const { model } of systems) if (!models.has(model)) models.set(model, await readModel(model))
  const read: ReadSystem[] = []
  for (const system of systems) read.push(await readSystem(models.get(system.model)!, system, rows, data, options))
  const evaluated: EvaluatedSystem[] = []
  for (const it of read) evaluated.push(await evaluateSystem(it, evaluated, options))
  return evaluated
}

/** Makes the folder of a flag, for the files of rows. @throws InputError */
export async function makeFolder(path: string, flag: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true })
  } catch (error) {
    throw new InputError(`${flag} ${path}: cannot be made (${(error as Error).message}); choose another folder`)
  }
}

/** SHA-256 over what a model may read of rows, and what it is compared with: not over where they stand. */
export const rowsDigest = (rows: readonly EsconvRow[]): string =>
  textDigest(JSON.stringify(rows, (key, value: unknown) => (key === 'place' ? undefined : value)))

/** A model's files, but for its weights. */
export async function readModel(model: string) {
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
      const label = `evaluating ${system.name} on ${gpu.adapter.name}`
      using progress = progressBar(label, rows.length - log.rows.size, 'replies', { remaining: true })
      const drawing = { ...options, single: predictions(system, earlier) }
      await evaluateRows(gpu, engine, read, log, drawing, () => progress.advance(1))
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
