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

/** What the largest absolute error of a stage may be: references themselves are off from float64 (model-spec §6). */
export function stageTolerance(stage: string, tolerance: number): number {
  if (stage.startsWith('fusion.')) return 1e-3
  return stage === 'strategy.probs' ? 5e-5 : tolerance
}

/** Relative errors are taken against at least this, so that values near zero do not drown the others. */
const smallest = 1e-3

/** Compares a stage; values that are no numbers count as infinitely far off. */
export function compareStage(
  name: string,
  actual: Float32Array,
  expected: Float32Array,
  tolerance: number,
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
  const limit = stageTolerance(name, tolerance)
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
