import { type Command, InvalidArgumentError } from 'commander'
import { loadModel } from '../engine/load-model.js'
import type { Gpu } from '../gpu/gpu.js'
import type { WeightDtype } from '../gpu/tensor.js'
import { openCheckpoint } from '../io/checkpoint.js'
import { parseConfig } from '../model/config.js'
import type { StageComparison } from '../validate/comparison.js'
import { type ReferenceCase, readReferenceCase } from '../validate/reference-case.js'
import { type CaseReport, firstFailure, validateCase } from '../validate/validate.js'
import { type GpuFlags, gpuCommand, withGpu } from './gpu-command.js'
import { type Progress, progressBar } from './progress.js'

/** What `misc validate --json` prints. */
export interface Validation {
  /** Whether every stage is within its tolerance and every decoded id that scores decide is the same. */
  ok: boolean
  /** The first stage that is off, of the first case that has one; `decode` where only decoded ids differ. */
  first_failure: string | null
  /** Two per reference file. */
  cases: CaseReport[]
}

interface ValidateOptions extends GpuFlags {
  reference: string[]
  tolerance: number
  json?: boolean
}

const modes = { full: 'the decoder in one pass', cached: 'the decoder id by id, through its cache' }

/** `misc validate`. */
export function validateCommand(): Command {
  return gpuCommand('validate')
    .summary('compare every stage with a reference capture')
    .description(
      'Runs the inputs of reference files through MODEL and compares every stage that they hold, twice: the decoder in ' +
        'one pass, and id by id. Exit code 1 where a stage is beyond its tolerance or decoded ids differ though their ' +
        'scores leave no doubt. Needs no tokenizer files.',
    )
    .argument('<MODEL>', 'a folder with config.json and model.safetensors or its sharded index')
    .requiredOption('--reference <file...>', 'safetensors files with inputs and expected outputs; may be repeated')
    .option(
      '--tolerance <x>',
      'largest absolute error of logits and hidden stages; fusion.* keeps 1e-3, strategy.probs 5e-5',
      readTolerance,
      2e-4,
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  misc validate model/ --reference case0.safetensors case1.safetensors' +
        '\n  misc validate model/ --reference captures/*.safetensors --tolerance 1e-3 --adapter swiftshader' +
        '\n  misc validate model/ --reference case0.safetensors --json | jq .first_failure',
    )
    .action(async (folder: string, { reference, tolerance, json, ...options }: ValidateOptions) => {
      // Files are read before the GPU is opened: what is wrong with them is said at once.
      const references = await readReferences(folder, reference)
      await withGpu(options, async (gpu) => {
        const cases = await compare(gpu, folder, options.dtype, references, tolerance)
        const failure = firstFailure(cases)
        const validation: Validation = { ok: !failure, first_failure: failure?.stage ?? null, cases }
        process.stdout.write(
          json ? `${JSON.stringify(validation, finite, 2)}\n` : `${report(cases)}\n${verdict(cases, gpu)}\n`,
        )
        if (failure) process.exitCode = 1
      })
    })
}

async function readReferences(folder: string, paths: readonly string[]): Promise<ReferenceCase[]> {
  await using checkpoint = await openCheckpoint(folder)
  const config = parseConfig(checkpoint.config, checkpoint.configFile)
  const references: ReferenceCase[] = []
  for (const path of paths) references.push(await readReferenceCase(path, config))
  return references
}

async function compare(
  gpu: Gpu,
  folder: string,
  dtype: WeightDtype | undefined,
  references: readonly ReferenceCase[],
  tolerance: number,
): Promise<CaseReport[]> {
  let loading: Progress | undefined
  let loaded = 0
  const onProgress = (done: number, total: number) => {
    loading ??= progressBar(`loading ${folder}`, total, 'bytes')
    loading.advance(done - loaded)
    loaded = done
  }
  const weights = await loadModel(gpu, folder, { dtype, onProgress }).finally(() => loading?.stop())

  using progress = progressBar(`comparing on ${gpu.adapter.name}`, 2 * references.length, 'passes')
  const cases: CaseReport[] = []
  for (const reference of references) {
    cases.push(...(await validateCase(gpu, weights, reference, tolerance, () => progress.advance(1))))
  }
  return cases
}

function report(cases: readonly CaseReport[]): string {
  return cases
    .map(({ file, mode, stages, ...agreement }) => {
      const width = Math.max(...stages.map(({ name }) => name.length))
      const head = ['max abs', 'mean abs', 'max rel', 'mean rel', 'tolerance'].map((title) => title.padStart(10))
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

function cells({ max_abs, mean_abs, max_rel, mean_rel, tolerance }: StageComparison): string {
  const errors = [max_abs, mean_abs, max_rel, mean_rel].map((it) => (Number.isFinite(it) ? it.toExponential(1) : 'inf'))
  return [...errors, tolerance.toExponential()].map((text) => text.padStart(10)).join('')
}

function verdict(cases: readonly CaseReport[], gpu: Gpu): string {
  const failure = firstFailure(cases)
  if (!failure) return `ok: every stage is within its tolerance, on ${gpu.adapter.name}`
  const what =
    failure.stage === 'decode' ? 'decoded ids differ' : `the first stage beyond tolerance is ${failure.stage}`
  return `NOT ok: ${what} (${failure.report.file}, ${failure.report.mode}), on ${gpu.adapter.name}`
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
