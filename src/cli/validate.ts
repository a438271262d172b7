import { type Command, InvalidArgumentError } from 'commander'
import { describeFolder } from '../engine/load-model.js'
import { InputError } from '../errors.js'
import type { Gpu } from '../gpu/gpu.js'
import type { WeightDtype } from '../gpu/tensor.js'
import type { Model } from '../models/model.js'
import type { Split } from '../text/esconv-row.js'
import { type AccuracyGate, accuracyGate } from '../validate/accuracy-gate.js'
import { type StageComparison, type StageLimits, stageLimits } from '../validate/comparison.js'
import { type ReplyScores, scoreReplies } from '../validate/perplexity.js'
import { type ReferenceCase, readReferenceCase } from '../validate/reference-case.js'
import { type RepliesToScore, readReplies, rowReader } from '../validate/replies.js'
import { type CaseReport, firstFailure, validateCase } from '../validate/validate.js'
import { type GpuFlags, gpuCommand, withGpu } from './gpu-command.js'
import { openWithProgress } from './load-with-progress.js'
import { progressBar } from './progress.js'
import { limitOption, splitOption } from './split-option.js'
import { warn } from './stdio.js'

/** What `misc validate --json` prints. */
export interface Validation {
  /** Whether every stage is within its tolerance, every decoded id that scores decide is the same, and the gate is kept. */
  ok: boolean
  /**
   * The first stage that is off, of the first case that has one; `decode` where only decoded ids differ, `gate` where all
   * else is well.
   */
  first_failure: string | null
  /** Two per reference file. */
  cases: CaseReport[]
  /** Where there is --data. */
  gate?: AccuracyGate
}

interface ValidateOptions extends GpuFlags {
  dtype: WeightDtype
  reference?: string[]
  tolerance?: number
  data?: string
  split: Split
  limit: number
  json?: boolean
}

const modes = { full: 'the decoder in one pass', cached: 'the decoder id by id, through its cache' }

/** `misc validate`. */
export function validateCommand(): Command {
  return gpuCommand('validate', 'f32')
    .summary('compare every stage with a reference capture, or a dtype with f32')
    .description(
      'With --reference: runs the inputs of reference files through MODEL and compares every stage that they hold, ' +
        'twice: the decoder in one pass, and id by id; and again from the reference’s own values of the stages before each, ' +
        'which tells the error that a stage has added from what came in. Exit code 1 where both are beyond its tolerance, or decoded ids ' +
        'differ though their scores leave no doubt. Needs no tokenizer files.\n\n' +
        'With --data: how much --dtype (f16 or int8) changes the perplexity of the replies there and the best next id, against f32, ' +
        'of any MODEL that replies (a COMET does not), in the ids that its own program makes of the rows. ' +
        'Exit code 1 where that is more than f16 (0.1 %, 0.5 % of the ids) or int8 (1 %, 3 %) may.',
    )
    .argument('<MODEL>', 'a folder with config.json and model.safetensors or its sharded index')
    .option('--reference <file...>', 'safetensors files with inputs and expected outputs; may be repeated')
    .option(
      '--tolerance <x>',
      'largest absolute error of logits and hidden stages (default: 2e-4 in f32); ' +
        'fusion.* keeps 1e-3, strategy.probs 5e-5, and more where --dtype rounds the weights',
      readTolerance,
    )
    .option('--data <dir>', 'ESConv (ESConv.json or test.jsonl) or misc-esconv (testWithStrategy_short.tsv and blocks)')
    .addOption(splitOption().default('test'))
    .addOption(limitOption().default(200))
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  misc validate model/ --reference case0.safetensors case1.safetensors' +
        '\n  misc validate model/ --reference captures/*.safetensors --tolerance 1e-3 --adapter swiftshader' +
        '\n  misc validate model/ --reference case0.safetensors --json | jq .first_failure' +
        '\n  misc validate model/ --dtype int8 --data esconv/',
    )
    .action(run)
}

async function run(folder: string, { reference = [], data, dtype, json, ...flags }: ValidateOptions): Promise<void> {
  if (reference.length === 0 && data === undefined) {
    throw new InputError('nothing to validate with: give --reference <file...>, --data <dir>, or both')
  }
  if (data !== undefined && dtype === 'f32') {
    throw new InputError('--data compares a dtype with f32, and f32 is f32: add --dtype f16 or --dtype int8')
  }
  // Files are read before the GPU is opened: what is wrong with them is said at once.
  const description = await describeFolder(folder)
  const references: ReferenceCase[] = []
  for (const path of reference) references.push(await readReferenceCase(path, description))
  const scored =
    data === undefined ? undefined : await readReplies(await rowReader(folder, description), { data, ...flags }, warn)

  const exact =
    scored &&
    (await withGpu(flags, async (gpu) => score(gpu, await openWithProgress(gpu, folder, 'f32'), 'f32', scored)))
  await withGpu(flags, async (gpu) => {
    const model = await openWithProgress(gpu, folder, dtype)
    const limits = {
      ...stageLimits(dtype, description.family),
      ...(flags.tolerance !== undefined && { hidden: flags.tolerance }),
    }
    const cases = await compare(gpu, model, references, limits)
    const rounded = scored && (await score(gpu, model, dtype, scored))
    const gate = rounded && exact && accuracyGate(dtype, exact, rounded)
    const failure = firstFailure(cases)?.stage ?? (gate && !gate.ok ? 'gate' : null)
    const validation: Validation = { ok: failure === null, first_failure: failure, cases, ...(gate && { gate }) }
    const tables = [...(cases.length > 0 ? [report(cases)] : []), ...(gate ? [gateReport(gate)] : [])]
    const words = `${tables.join('\n')}\n${verdict(validation, gpu)}\n`
    process.stdout.write(json ? `${JSON.stringify(validation, finite, 2)}\n` : words)
    if (failure) process.exitCode = 1
  })
}

async function compare(
  gpu: Gpu,
  model: Model,
  references: readonly ReferenceCase[],
  limits: StageLimits,
): Promise<CaseReport[]> {
  if (references.length === 0) return []
  using progress = progressBar(`comparing on ${gpu.adapter.name}`, 2 * references.length, 'passes')
  const cases: CaseReport[] = []
  for (const reference of references) {
    cases.push(...(await validateCase(gpu, model, reference, limits, () => progress.advance(1))))
  }
  return cases
}

async function score(
  gpu: Gpu,
  model: Model,
  dtype: WeightDtype,
  { replies, vocabulary }: RepliesToScore,
): Promise<ReplyScores[]> {
  using progress = progressBar(`scoring in ${dtype} on ${gpu.adapter.name}`, replies.length, 'replies')
  return await scoreReplies(gpu, model, replies, vocabulary, (count) => progress.advance(count))
}

function report(cases: readonly CaseReport[]): string {
  return cases
    .map(({ file, mode, stages, ...agreement }) => {
      const width = Math.max(...stages.map(({ name }) => name.length))
      const head = ['max abs', 'added', 'mean abs', 'max rel', 'mean rel', 'tolerance'].map((title) =>
        title.padStart(10),
      )
      const lines = [
        `${file}, ${modes[mode]}`,
        `  ${'stage'.padEnd(width)}${head.join('')}`,
        ...stages.map((stage) => `  ${stage.name.padEnd(width)}${cells(stage)}  ${stage.ok ? 'ok' : 'BEYOND'}`),
        `  best next id the same: ${percent(agreement.argmax_agreement)}`,
        `  decoded ids the same:  ${percent(agreement.greedy_agreement)}`,
      ]
      return `${lines.join('\n')}\n`
    })
    .join('\n')
}

function cells({ max_abs, added_max_abs, mean_abs, max_rel, mean_rel, tolerance }: StageComparison): string {
  const errors = [max_abs, added_max_abs, mean_abs, max_rel, mean_rel].map((it) =>
    Number.isFinite(it) ? it.toExponential(1) : 'inf',
  )
  return [...errors, tolerance.toExponential()].map((text) => text.padStart(10)).join('')
}

function gateReport({ ok, dtype, rows, tokens, ...gate }: AccuracyGate): string {
  const change = `${signed(gate.ppl_change)}, at most ${percent(gate.max_ppl_change)} either way`
  const agreement = `${percent(gate.argmax_agreement)}, at least ${percent(gate.min_argmax_agreement)}`
  return (
    `${rows} replies, ${tokens} ids, teacher-forced, weights in ${dtype}\n` +
    `  perplexity ${gate.ppl.toFixed(3)}, in f32 ${gate.ppl_f32.toFixed(3)}: ${change}\n` +
    `  best next id the same: ${agreement}\n  ${ok ? 'ok' : 'BEYOND'}\n`
  )
}

const signed = (part: number) => `${part < 0 ? '' : '+'}${(part * 100).toFixed(3)}%`

function verdict({ ok, first_failure, cases, gate }: Validation, { adapter }: Gpu): string {
  const kept = [
    ...(cases.length > 0 ? ['every stage is within its tolerance'] : []),
    ...(gate ? ['the gate is kept'] : []),
  ]
  if (ok) return `ok: ${kept.join(' and ')}, on ${adapter.name}`
  const failure = firstFailure(cases)
  if (!failure) return `NOT ok: ${gate?.dtype} changes the model more than it may, on ${adapter.name}`
  const what =
    first_failure === 'decode' ? 'decoded ids differ' : `the first stage beyond tolerance is ${first_failure}`
  const worst = failure.report.stages.find(({ name }) => name === failure.stage)?.worst
  const where = worst ? `; its value ${worst.index} is ${worst.value}, the reference has ${worst.reference}` : ''
  return `NOT ok: ${what} (${failure.report.file}, ${failure.report.mode}), on ${adapter.name}${where}`
}

function percent(part: number | null): string {
  return part === null ? 'the file has none' : `${Number((part * 100).toFixed(2))}%`
}

/** JSON has no infinity: an error that is no number is the largest one there is. */
function finite(_key: string, value: unknown): unknown {
  return value === Number.POSITIVE_INFINITY ? Number.MAX_VALUE : value
}

function readTolerance(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value
  throw new InvalidArgumentError('It must be a number above 0, as 2e-4.')
}
