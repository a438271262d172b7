import type { AccuracyGate } from '../validate/accuracy-gate.js'
import { type Bisection, bisectionVerdict } from '../validate/bisect.js'
import type { StageComparison } from '../validate/comparison.js'
import type { DistributionChange } from '../validate/distribution.js'
import type { OpReport } from '../validate/op-report.js'
import { type CaseReport, firstFailure } from '../validate/validate.js'
import type { ValueRange } from '../validate/value-range.js'
import type { Validation } from './validation.js'

const modes = { full: 'the decoder in one pass', cached: 'the decoder id by id, through its cache' }
const columns = ['max abs', 'added', 'mean abs', 'max rel', 'mean rel', 'f32 loses', 'tolerance', 'largest', 'f16 room']

/**
 * All that the command prints.
 *
 * @param run what was run
 * @param base what --data was compared with
 */
export function validationWords(validation: Validation, run: string, base?: string): string {
  const { cases, gate, change, ops, bisection } = validation
  const tables = [
    ...(cases.length > 0 ? [casesReport(cases)] : []),
    ...(ops ? [opsReport(ops)] : []),
    ...(gate ? [gateReport(gate)] : []),
    ...(change ? [distributionReport(change, base!)] : []),
    ...(bisection ? [bisectionReport(bisection)] : []),
  ]
  return `${tables.join('\n')}\n${verdict(validation, run)}\n`
}

/** A table for each case and mode. */
function casesReport(cases: readonly CaseReport[]): string {
  return cases
    .map(({ file, mode, stages, ...agreement }) => {
      const width = Math.max(...stages.map(({ name }) => name.length))
      const lines = [
        `${file}, ${modes[mode]}`,
        `  ${'stage'.padEnd(width)}${columns.map((title) => title.padStart(10)).join('')}`,
        ...stages.map((stage) => `  ${stage.name.padEnd(width)}${cells(stage)}  ${end(stage)}`),
        `  best next id the same: ${percent(agreement.argmax_agreement)}`,
        `  decoded ids the same:  ${percent(agreement.greedy_agreement)}`,
      ]
      return `${lines.join('\n')}\n`
    })
    .join('\n')
}

function cells(stage: StageComparison): string {
  const { max_abs, added_max_abs, mean_abs, max_rel, mean_rel, float32_loss, tolerance, range } = stage
  const errors = [max_abs, added_max_abs, mean_abs, max_rel, mean_rel].map((it) =>
    Number.isFinite(it) ? it.toExponential(1) : 'inf',
  )
  const loss = float32_loss === null ? '-' : float32_loss.toExponential(1)
  const limit = tolerance.toExponential(float32_loss === null ? undefined : 1)
  return [...errors, loss, limit].map((text) => text.padStart(10)).join('') + rangeCells(range)
}

const rangeCells = ({ largest, f16_room }: ValueRange): string =>
  [largest.toPrecision(3), Number.isFinite(f16_room) ? roundly(f16_room) : '-']
    .map((text) => text.padStart(10))
    .join('')

const nonFinite = ({ non_finite }: Pick<ValueRange, 'non_finite'>): string =>
  non_finite > 0 ? `, ${non_finite} values are not finite` : ''

/** `420×`, `2.6e+5×` */
const roundly = (times: number): string => `${times < 1e4 ? Number(times.toPrecision(2)) : times.toExponential(0)}×`

function end({ ok, range }: StageComparison): string {
  return `${ok ? 'ok' : 'BEYOND'}${nonFinite(range)}`
}

/** What each dispatch wrote. */
function opsReport(ops: readonly OpReport[]): string {
  const lines = ops.map(({ index, kernel, stage, out, values, ...range }) => {
    const names = `${String(index).padStart(5)}  ${stage.padEnd(26)}${kernel.padEnd(28)}${out.padEnd(26)}`
    return `${names}${String(values).padStart(9)}${rangeCells(range)}${nonFinite(range)}`
  })
  const head = `${'op'.padStart(5)}  ${'for'.padEnd(26)}${'kernel'.padEnd(28)}${'writes'.padEnd(26)}${'values'.padStart(9)}`
  return `dispatches of the first case, the decoder in one pass\n${head}   largest  f16 room\n${lines.join('\n')}\n`
}

/** The dispatches of the stage that is off, each beside float64, and the stage by variants. */
function bisectionReport(bisection: Bisection): string {
  const { stage, mode, step, ops, variants } = bisection
  const lines = ops.map(({ index, kernel, out, error, tolerance, ok, ...range }) => {
    const off = error ? `${error.max_abs.toExponential(1)} of ${tolerance.toExponential(1)}` : 'has no twin'
    const names = `${String(index).padStart(5)}  ${kernel.padEnd(28)}${out.padEnd(26)}`
    return `${names}${off.padStart(20)}  ${ok ? 'ok' : 'BEYOND'}${nonFinite(range)}`
  })
  const tried = variants.map(
    ({ op, variant, added_max_abs, ok }) =>
      `  ${`${op}:${variant}`.padEnd(28)} adds ${added_max_abs.toExponential(1)}  ${ok ? 'ok' : 'BEYOND'}`,
  )
  return (
    `inside ${stage}, from the reference’s inputs, ${modes[mode]}${step === undefined ? '' : `, id ${step}`}: ` +
    `dispatches beside float64\n${lines.join('\n')}\n` +
    `${tried.length > 0 ? `the stage with each variant\n${tried.join('\n')}\n` : ''}bisected: ${bisectionVerdict(bisection)}\n`
  )
}

/** How a number format keeps its gate. */
function gateReport({ ok, dtype, rows, tokens, ...gate }: AccuracyGate): string {
  const change = `${signed(gate.ppl_change)}, at most ${percent(gate.max_ppl_change)} either way`
  const agreement = `${percent(gate.argmax_agreement)}, at least ${percent(gate.min_argmax_agreement)}`
  return (
    `${rows} replies, ${tokens} ids, teacher-forced, weights in ${dtype}\n` +
    `  perplexity ${gate.ppl.toFixed(3)}, in f32 ${gate.ppl_f32.toFixed(3)}: ${change}\n` +
    `  best next id the same: ${agreement}\n  ${ok ? 'ok' : 'BEYOND'}\n`
  )
}

/** How probabilities differ. */
function distributionReport({ ids, kld, delta_p, same_top }: DistributionChange, other: string): string {
  const nats = (it: number) => it.toExponential(2)
  const quantiles = Object.entries(delta_p.quantiles)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([part, it]) => `${Number(part) * 100}%: ${signed(it)}`)
  return (
    `probabilities of ${ids} ids against ${other}\n` +
    `  KL divergence in nats per id: mean ${nats(kld.mean)} ± ${nats(kld.standard_error)}, median ${nats(kld.median)}, ` +
    `99% ${nats(kld.p99)}, 99.9% ${nats(kld.p999)}, max ${nats(kld.max)}\n` +
    `  Δp of the id that came: mean ${signed(delta_p.mean)}, rms ${percent(delta_p.rms)}; ${quantiles.join(', ')}\n` +
    `  the same id is likeliest: ${percent(same_top.part)} ± ${percent(same_top.standard_error)}\n`
  )
}

/** The last line: what is off first, or that nothing is. */
function verdict({ ok, first_failure, cases, gate, against }: Validation, run: string): string {
  const where = `in ${run}${against ? `, against ${against}` : ''}`
  const kept = [
    ...(cases.length > 0 ? ['every stage is within its tolerance'] : []),
    ...(gate ? ['the gate is kept'] : []),
  ]
  if (ok) return `ok: ${kept.length > 0 ? kept.join(' and ') : 'compared'}${kept.length > 0 ? ', ' : ': '}${where}`
  const failure = firstFailure(cases)
  if (!failure) return `NOT ok: ${gate?.dtype} changes the model more than it may, ${where}`
  const what =
    first_failure === 'decode' ? 'decoded ids differ' : `the first stage beyond tolerance is ${first_failure}`
  const worst = failure.report.stages.find(({ name }) => name === failure.stage)?.worst
  const values = worst ? `; its value ${worst.index} is ${worst.value}, the reference has ${worst.reference}` : ''
  return `NOT ok: ${what} (${failure.report.file}, ${failure.report.mode}), ${where}${values}`
}

const signed = (part: number) => `${part < 0 ? '' : '+'}${(part * 100).toFixed(3)}%`

function percent(part: number | null): string {
  return part === null ? 'the file has none' : `${Number((part * 100).toFixed(2))}%`
}
