import type { WeightDtype } from '../gpu/tensor.js'
import type { Family } from '../models/registry.js'
import { type ValueRange, valueRange } from './value-range.js'

/** How far one stage is from the reference. */
export interface StageComparison {
  readonly name: string
  readonly max_abs: number
  readonly mean_abs: number
  readonly max_rel: number
  readonly mean_rel: number
  /**
   * The largest absolute error that the stage itself adds: computed from the reference's own values of the stages before it. The
   * rest of `max_abs` came in, and may have grown: released fusion scales scores up by √d, so that where two rows of a context
   * nearly tie rounding is seen in the third digit.
   */
  readonly added_max_abs: number
  /** Where `max_abs` is: an index into the stage's values, rows of padding left out, and both values. */
  readonly worst: { readonly index: number; readonly value: number; readonly reference: number } | null
  /**
   * What float32 can be expected to lose of the stage on these inputs, in the row that loses most; null where that was not asked
   * for: the stage is within the strictest tolerance, or well conditioned.
   */
  readonly float32_loss: number | null
  /** Where rows have tolerances of their own, by what float32 loses in each, that of the row that comes nearest to it. */
  readonly tolerance: number
  /** Whether what the stage adds, or all that it is off, is within the tolerance. */
  readonly ok: boolean
  /** Of the values as they were computed. */
  readonly range: ValueRange
}

/** What the largest absolute error of a stage may be. */
export interface StageLimits {
  /** Of `logits`, the hidden stages, and all others. */
  readonly hidden: number
  /** Of `fusion.*`, whose softmax is steep. */
  readonly fusion: number
  /** Of `strategy.probs`. */
  readonly probs: number
}

/**
 * The limits for each number format of the weights. Those of f32 allow for references that are themselves off from float64
 * (model-spec §6). Rounded weights are other weights, and their limits some four times what rounding did to models of random
 * weights, whose steep fusion carries errors on: they catch gross faults only. How good a model still is says the accuracy
 * gate. BlenderBot-Joint's strategies come through the whole decoder: rounding moves them more than MISC's.
 */
export function stageLimits(dtype: WeightDtype, family: Family): StageLimits {
  const limits = {
    f32: { hidden: 2e-4, fusion: 1e-3, probs: 5e-5 },
    f16: { hidden: 0.2, fusion: 1, probs: family === 'joint' ? 0.01 : 1e-3 },
    int8: { hidden: 3, fusion: 15, probs: 0.05 },
  }
  return limits[dtype]
}

/** The limit of a stage. */
function stageTolerance(stage: string, { hidden, fusion, probs }: StageLimits): number {
  if (stage.startsWith('fusion.')) return fusion
  return stage === 'strategy.probs' ? probs : hidden
}

/** Relative errors are taken against at least this, so that values near zero do not drown the others. */
const smallest = 1e-3

/** How often what float32 was seen to lose in a row is allowed there: reference and kernel both lose, in orders of their own. */
const lossesAllowed = 16

/**
 * Compares a stage; values that are no numbers count as infinitely far off.
 *
 * @param added the stage as computed from the reference's values of the stages before it
 * @param losses what float32 loses of each row of it: a row may be off by sixteen times that, or by the tolerance of hidden stages
 */
export function compareStage(
  name: string,
  actual: Float32Array,
  expected: Float32Array,
  limits: StageLimits,
  added: Float32Array = actual,
  losses?: Float32Array,
): StageComparison {
  let [maxAbs, sumAbs, maxRel, sumRel] = [0, 0, 0, 0]
  let worst = -1
  if (actual.length !== expected.length) [maxAbs, maxRel] = [Infinity, Infinity]
  for (let i = 0; i < expected.length; i++) {
    const abs = distance(actual[i]!, expected[i]!)
    const rel = abs === Infinity ? Infinity : abs / Math.max(Math.abs(expected[i]!), smallest)
    if (abs > maxAbs || (worst < 0 && abs > 0)) worst = i
    maxAbs = Math.max(maxAbs, abs)
    maxRel = Math.max(maxRel, rel)
    sumAbs += abs
    sumRel += rel
  }
  const count = Math.max(expected.length, 1)
  const ofItself = added.length === expected.length ? farthest(added, expected) : Infinity
  const verdict =
    losses && ofItself < Infinity
      ? byRow(added, expected, losses, limits.hidden)
      : { tolerance: stageTolerance(name, limits), ok: Math.min(maxAbs, ofItself) <= stageTolerance(name, limits) }
  return {
    name,
    max_abs: maxAbs,
    mean_abs: sumAbs / count,
    max_rel: maxRel,
    mean_rel: sumRel / count,
    added_max_abs: ofItself,
    worst: worst < 0 ? null : { index: worst, value: actual[worst]!, reference: expected[worst]! },
    float32_loss: losses ? losses.reduce((most, it) => Math.max(most, it), 0) : null,
    ...verdict,
    range: valueRange(actual),
  }
}

/** A near tie in one row excuses no other. */
function byRow(added: Float32Array, expected: Float32Array, losses: Float32Array, least: number) {
  const width = expected.length / losses.length
  let nearest = { tolerance: least, part: 0 }
  losses.forEach((loss, row) => {
    const [start, end] = [row * width, (row + 1) * width]
    const tolerance = Math.max(least, lossesAllowed * loss)
    const part = farthest(added.subarray(start, end), expected.subarray(start, end)) / tolerance
    if (part > nearest.part) nearest = { tolerance, part }
  })
  return { tolerance: nearest.tolerance, ok: nearest.part <= 1 }
}

function distance(actual: number, expected: number): number {
  const difference = Math.abs(actual - expected)
  return Number.isNaN(difference) ? Infinity : difference
}

const farthest = (actual: Float32Array, expected: Float32Array): number =>
  actual.reduce((most, it, i) => Math.max(most, distance(it, expected[i]!)), 0)

/** Index of the largest of a row's values. */
export function argMax(values: Float32Array, start: number, count: number): number {
  let best = start
  for (let i = start + 1; i < start + count; i++) if (values[i]! > values[best]!) best = i
  return best - start
}

/** The part of the rows in which both have their largest value at the same place. */
export function argMaxAgreement(actual: Float32Array, expected: Float32Array, width: number): number {
  const rows = expected.length / width
  let agreeing = 0
  for (let row = 0; row < rows; row++) {
    if (argMax(actual, row * width, width) === argMax(expected, row * width, width)) agreeing++
  }
  return agreeing / rows
}
