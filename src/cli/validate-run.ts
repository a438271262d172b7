import { describeFolder, type ModelFolder } from '../engine/load-model.js'
import { InputError } from '../errors.js'
import { type WeightDtype, weightDtypes } from '../gpu/tensor.js'
import { checkWritable } from '../io/whole-file.js'
import type { Split } from '../text/esconv-row.js'
import { type AccuracyGate, accuracyGate } from '../validate/accuracy-gate.js'
import { compareReplies, type LoadedModel, type ReplyComparison, replyCases } from '../validate/against.js'
import { type StageLimits, stageLimits } from '../validate/comparison.js'
import { examine, rangesOfOps } from '../validate/examine.js'
import { fusionLoss } from '../validate/fusion-twin.js'
import { type CaseInputs, type ReferenceCase, readReferenceCase } from '../validate/reference-case.js'
import { type RepliesToScore, readReplies, rowReader } from '../validate/replies.js'
import { type CaseReport, captureCase, firstFailure, validateCase } from '../validate/validate.js'
import { type GpuFlags, withGpu } from './gpu-command.js'
import { openWithProgress } from './load-with-progress.js'
import { progressBar } from './progress.js'
import { type RunSettings, settingsWords } from './run-settings.js'
import { warn } from './stdio.js'
import { type Environment, environmentOf, writeReport } from './validate-report.js'
import { validationWords } from './validate-words.js'
import { jsonOf, type Validation } from './validation.js'

/** What the command was given. */
export interface ValidateOptions extends GpuFlags {
  dtype: WeightDtype
  reference?: string[]
  against?: Partial<RunSettings>
  tolerance?: number
  data?: string
  split: Split
  limit: number
  ops?: boolean
  bisect?: boolean
  report?: string
  json?: boolean
}

/** A validation, and in words what was run, and what it was compared with where that is another run. */
interface Outcome {
  readonly validation: Validation
  readonly name: string
  readonly base?: string
  readonly environment: Environment
  readonly reproduction?: string | undefined
}

/** Replies of --data whose stages are compared with --against; probabilities are compared of all. */
export const stagedReplies = 8

/** Compares, prints, and writes the report. */
export async function runValidate(
  folder: string,
  { reference = [], against, data, dtype, json, ...flags }: ValidateOptions,
): Promise<void> {
  if (reference.length === 0 && data === undefined) {
    throw new InputError('nothing to validate with: give --reference <file...>, --data <dir>, or both')
  }
  if (data !== undefined && dtype === 'f32' && !against) {
    throw new InputError(
      '--data compares a dtype with f32, and f32 is f32: add --dtype f16 or --dtype int8, or name another run by --against',
    )
  }
  // Files are read before the GPU is opened: what is wrong with them is said at once.
  const description = await describeFolder(folder)
  const references: ReferenceCase[] = []
  for (const path of reference) references.push(await readReferenceCase(path, description))
  const scored =
    data === undefined ? undefined : await readReplies(await rowReader(folder, description), { data, ...flags }, warn)
  const own = { adapter: flags.adapter, dtype }
  const other = against ? { ...own, ...against } : scored && { ...own, dtype: 'f32' as const }
  const coarsest = coarser(dtype, against?.dtype ?? dtype)
  const limits = {
    ...stageLimits(coarsest, description.family),
    ...(flags.tolerance !== undefined && { hidden: flags.tolerance }),
  }

  if (flags.report !== undefined) await checkWritable(flags.report)
  const outcome = await withModel<Outcome>(folder, own, async (loaded) => {
    const compared = async (cases: readonly ReferenceCase[]) => {
      // What float32 loses is nothing to what a format rounds.
      const reports = await compare(loaded, cases, { limits, ...(coarsest === 'f32' && { description }) })
      const { ops, found } = await lookInto(loaded, cases, reports, { ...flags, limits })
      return {
        validation: { ...summary(reports), ...(ops && { ops }), ...(found && { bisection: found.bisection }) },
        name: settingsWords(own, loaded.gpu.adapter.name),
        environment: environmentOf(loaded.gpu),
        reproduction: found?.reproduction,
      }
    }
    if (!other) return compared(references)
    return withModel(folder, other, async (second) => {
      const base = settingsWords(other, second.gpu.adapter.name)
      const inputs = scored ? replyCases(scored.replies.slice(0, stagedReplies), loaded.model.config, data!) : []
      const outcome = await compared(against ? await captureAll(second, [...references, ...inputs]) : references)
      const replies = scored && (await compareScores(loaded, second, scored))
      const rounded = replies && dtype !== 'f32' && other.dtype === 'f32'
      const gate = rounded ? accuracyGate(dtype, replies.others, replies.scores) : undefined
      const validation = {
        ...outcome.validation,
        ...summary(outcome.validation.cases, gate),
        ...(against && { against: base }),
        ...(replies && { change: replies.change }),
      }
      return { ...outcome, validation, base }
    })
  })
  const { validation, name, base } = outcome
  const words = validationWords(validation, name, base)
  process.stdout.write(json ? jsonOf(validation) : words)
  if (flags.report !== undefined) {
    const { environment, reproduction } = outcome
    await writeReport(flags.report, { validation, words, environment, config: description.json, reproduction })
  }
  if (!validation.ok) process.exitCode = 1
}

/** What --ops and --bisect ask for, and --report both. */
async function lookInto(
  loaded: LoadedModel,
  cases: readonly ReferenceCase[],
  reports: readonly CaseReport[],
  { ops, bisect, report, limits }: Pick<ValidateOptions, 'ops' | 'bisect' | 'report'> & { limits: StageLimits },
) {
  const [first] = cases
  const failure = firstFailure(reports)
  return {
    ops: first && (ops || report !== undefined) ? await rangesOfOps(loaded, first) : undefined,
    found: failure && (bisect || report !== undefined) ? await examine(loaded, cases, failure, limits) : undefined,
  }
}

const coarser = (a: WeightDtype, b: WeightDtype): WeightDtype =>
  weightDtypes.toReversed().find((it) => it === a || it === b)!

/** Opens the model on the adapter, with the kernels, that the settings name. */
async function withModel<T>(
  folder: string,
  { adapter, dtype, kernels = {} }: RunSettings,
  work: (loaded: LoadedModel) => Promise<T>,
): Promise<T> {
  return await withGpu({ ...(adapter !== undefined && { adapter }) }, async (gpu) => {
    for (const [op, variant] of Object.entries(kernels)) gpu.useVariant(op, variant)
    return await work({ gpu, model: await openWithProgress(gpu, folder, dtype) })
  })
}

function summary(cases: readonly CaseReport[], gate?: AccuracyGate): Validation {
  const failure = firstFailure(cases)?.stage ?? (gate && !gate.ok ? 'gate' : null)
  return { ok: failure === null, first_failure: failure, cases, ...(gate && { gate }) }
}

async function compare(
  { gpu, model }: LoadedModel,
  references: readonly ReferenceCase[],
  { limits, description }: { readonly limits: StageLimits; readonly description?: ModelFolder },
): Promise<CaseReport[]> {
  if (references.length === 0) return []
  using progress = progressBar(`comparing on ${gpu.adapter.name}`, 2 * references.length, 'passes')
  const cases: CaseReport[] = []
  for (const reference of references) {
    const float32Loss = description && fusionLoss(description, reference.inputs)
    const onPass = () => progress.advance(1)
    cases.push(...(await validateCase(gpu, model, reference, { limits, float32Loss, onPass })))
  }
  return cases
}

async function captureAll({ gpu, model }: LoadedModel, inputs: readonly CaseInputs[]): Promise<ReferenceCase[]> {
  using progress = progressBar(`capturing on ${gpu.adapter.name}`, inputs.length, 'passes')
  const captured: ReferenceCase[] = []
  for (const it of inputs) {
    captured.push(await captureCase(gpu, model, it))
    progress.advance(1)
  }
  return captured
}

async function compareScores(own: LoadedModel, other: LoadedModel, scored: RepliesToScore): Promise<ReplyComparison> {
  using progress = progressBar(`scoring on ${own.gpu.adapter.name}`, scored.replies.length, 'replies', {
    remaining: true,
  })
  return await compareReplies(own, other, scored, (count) => progress.advance(count))
}
