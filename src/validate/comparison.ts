import type { WeightDtype } from '../gpu/tensor.js'

/** How far one stage is from the reference. */
export interface StageComparison {
  readonly name: string
  readonly max_abs: number
  readonly mean_abs: number
  readonly max_rel: number
  readonly mean_rel: number
  readonly tolerance: number
  readonly ok: boolean
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
 * gate.
 */
export const stageLimits: Readonly<Record<WeightDtype, StageLimits>> = {
  f32: { hidden: 2e-4, fusion: 1e-3, probs: 5e-5 },
  f16: { hidden: 0.2, fusion: 1, probs: 0.01 },
  int8: { hidden: 3, fusion: 15, probs: 0.05 },
}

/** The limit of a stage. */
function stageTolerance(stage: string, { hidden, fusion, probs }: StageLimits): number {
  if (stage.startsWith('fusion.')) return fusion
  return stage === 'strategy.probs' ? probs : hidden
}

/** Relative errors are taken against at least this, so that values near zero do not drown the others. */
const smallest = 1e-3

/** Compares a stage; values that are no numbers count as infinitely far off. */
export function compareStage(
  name: string,
  actual: Float32Array,
  expected: Float32Array,
  limits: StageLimits,
): StageComparison {
  let [maxAbs, sumAbs, maxRel, sumRel] = [0, 0, 0, 0]
  if (actual.length !== expected.length) [maxAbs, maxRel] = [Infinity, Infinity]
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!)
    const abs = Number.isNaN(difference) ? Infinity : difference
    const rel = abs === Infinity ? Infinity : abs / Math.max(Math.abs(expected[i]!), smallest)
    maxAbs = Math.max(maxAbs, abs)
    maxRel = Math.max(maxRel, rel)
    sumAbs += abs
    sumRel += rel
  }
  const count = Math.max(expected.length, 1)
  const limit = stageTolerance(name, limits)
  return {
    name,
    max_abs: maxAbs,
    mean_abs: sumAbs / count,
    max_rel: maxRel,
    mean_rel: sumRel / count,
    tolerance: limit,
    ok: maxAbs <= limit,
  }
}

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
