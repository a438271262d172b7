import type { Command } from 'commander'
import { modelQuestions } from '../engine/model-questions.js'
import { InputError } from '../errors.js'
import { packagedModel } from '../platform/node/packaged-model.js'
import { writeTuning } from '../platform/node/tuning-file.js'
import { textTable } from '../plots/section.js'
import { Budget } from '../tune/budget.js'
import { choiceOf, type TunedClass, tune } from '../tune/tuner.js'
import { type GpuFlags, gpuCommand, withGpu } from './gpu-command.js'
import { openWithProgress } from './load-with-progress.js'
import { progressBar } from './progress.js'

interface TuneFlags extends GpuFlags {
  readonly budget?: string
  readonly json?: boolean
}

/** What `misc tune --json` prints. */
export interface TuneReport {
  readonly adapter: string
  readonly driver: string
  readonly model: string
  /** Where the choices were written; null where they could not be: `problem` says why. */
  readonly file: string | null
  readonly problem: string | null
  readonly seconds: number
  readonly classes: readonly TuneRow[]
  /** Classes that there was no time for. */
  readonly unmeasured: readonly string[]
}

/** A shape class and what came of it. */
interface TuneRow {
  readonly class: string
  readonly guess: string
  readonly choice: string
  /** Times that the choice is as fast as the guess; 1 where they are one. */
  readonly gain: number
  readonly ms: Readonly<Record<string, number>>
  /** Kernels that there was no time for, and why. */
  readonly skipped: Readonly<Record<string, string>>
  /** Kernels that failed or compute something else than the guess. */
  readonly wrong: Readonly<Record<string, string>>
}

/** `misc tune`. */
export function tuneCommand(): Command {
  return gpuCommand('tune')
    .summary('measure which kernels are fastest here, for every later run')
    .description(
      'Times every kernel that this adapter can run at the shapes of a model, and keeps the fastest in the user’s cache: ' +
        'later runs on this adapter, driver and version use them. A guess is only replaced by what is 5 % faster and ' +
        'computes the same. Replies stay the same up to rounding. `misc doctor` says where the file lies.',
    )
    .argument('[MODEL]', 'a folder with config.json and weights; default: the packaged model')
    .option('--budget <seconds>', 'time on the GPU, at most; what does not fit keeps the guess')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  misc tune\n  misc tune model/ --adapter swiftshader\n  misc tune --budget 20 --json',
    )
    .action(async (model: string | undefined, flags: TuneFlags) => {
      const report = await run(model ?? packagedModel(), flags)
      process.stdout.write(flags.json ? `${JSON.stringify(report, null, 2)}\n` : render(report))
      for (const line of report.classes.flatMap((it) => notes(it.class, it.wrong)))
        process.stderr.write(`misc: ${line}\n`)
      if (report.problem) {
        process.stderr.write(`misc: the choices could not be kept: ${report.problem}\n`)
        process.exitCode = 1
      }
    })
}

async function run(model: string, flags: TuneFlags): Promise<TuneReport> {
  const budget = new Budget(seconds(flags.budget) * 1000)
  const started = performance.now()
  return withGpu(flags, async (gpu) => {
    const questions = modelQuestions(gpu, await openWithProgress(gpu, model, flags.dtype))
    const results: TunedClass[] = []
    const unmeasured: string[] = []
    {
      using progress = progressBar('measuring kernels', questions.length, 'shape classes')
      const slices = tune(gpu, questions, budget, (result, { shapeClass }) => {
        if (result) results.push(result)
        else unmeasured.push(shapeClass.key)
        progress.advance(1)
      })
      for await (const slice of slices) await slice()
    }
    const { name: adapter, driver } = gpu.adapter
    const choices = new Map(results.map((it) => [it.shapeClass.key, choiceOf(it)]))
    const written = await writeTuning(gpu.adapter, { choices, unfinished: 0 }).then(
      (file) => ({ file, problem: null }),
      (error: Error) => ({ file: null, problem: error.message }),
    )
    const took = round((performance.now() - started) / 1000)
    return { adapter, driver, model, ...written, seconds: took, classes: results.map(row), unmeasured }
  })
}

function row({ shapeClass, choice, ms, skipped, wrong }: TunedClass): TuneRow {
  const [guess] = Object.keys(ms) as [string]
  const rounded = Object.fromEntries(Object.entries(ms).map(([name, it]) => [name, round(it)]))
  const gain = round(ms[guess]! / ms[choice]!)
  return { class: shapeClass.key, guess, choice, gain, ms: rounded, skipped, wrong }
}

function render({ adapter, driver, file, seconds, classes, unmeasured }: TuneReport): string {
  const cells = classes.map((it) => [
    it.class,
    Object.entries(it.ms)
      .map(([name, ms]) => `${name} ${ms}`)
      .join(', '),
    it.choice,
    it.choice === it.guess ? '' : `${it.gain}×`,
  ])
  const columns = ['op, dtype, rows × k × n', 'kernels with ms, the guess first', 'choice', 'gain']
  const lines = textTable({ names: columns.length, columns, rows: cells })
  const skipped = classes.flatMap((it) => notes(it.class, it.skipped))
  return `${[
    `${adapter}: ${driver}`,
    ...lines,
    ...skipped,
    ...unmeasured.map((it) => `${it}: not measured`),
    `${classes.filter((it) => it.choice !== it.guess).length} of ${classes.length} guesses replaced, in ${seconds} s${file ? `; ${file}` : ''}`,
  ].join('\n')}\n`
}

/** A line for each kernel. */
function notes(key: string, kernels: Readonly<Record<string, string>>): string[] {
  return Object.entries(kernels).map(([name, why]) => `${key}: ${name}: ${why}`)
}

function seconds(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text)
  throw new InputError(`--budget must be a number of seconds, got ${JSON.stringify(text)}`)
}

const round = (value: number) => Number(value.toPrecision(3))
