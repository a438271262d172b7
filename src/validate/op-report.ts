import type { Gpu } from '../gpu/gpu.js'
import type { CapturedOp, OpCapture } from './op-capture.js'
import { written } from './op-capture.js'
import { opTwin } from './op-twins.js'
import { type ValueRange, valueRange } from './value-range.js'

/** What one dispatch wrote. */
export interface OpReport extends ValueRange {
  /** Its place among the dispatches of the pass. */
  readonly index: number
  /** The shader's name, which is that of the kernel's variant. */
  readonly kernel: string
  /** The stage that it is for. */
  readonly stage: string
  /** The working memory that it wrote to. */
  readonly out: string
  /** Values written. */
  readonly values: number
}

/** How far one dispatch is from float64 on the same inputs. */
export interface OpCheck extends OpReport {
  /** The largest absolute error, and where; null for kernels that have no twin in float64. */
  readonly error: {
    readonly max_abs: number
    readonly index: number
    readonly value: number
    readonly exact: number
  } | null
  /** What {@link error} may be. */
  readonly tolerance: number
  readonly ok: boolean
}

/** Ranges of what the dispatches wrote, those that make no values left out. */
export async function opReports(gpu: Gpu, { ops }: OpCapture): Promise<OpReport[]> {
  const reports: OpReport[] = []
  for (const [index, op] of ops.entries()) {
    for (const [binding, copy] of op.outputs) {
      reports.push(describe(index, op, binding, written(await gpu.readF32(copy))))
    }
  }
  return reports
}

const describe = (index: number, op: CapturedOp, binding: string, values: Float32Array): OpReport => ({
  index,
  kernel: op.kernel.shader.name,
  stage: op.stage ?? 'the draw',
  out: op.parts[binding]!.tensor.label,
  values: values.length,
  ...valueRange(values),
})

/** Errors that rounding explains, as a part of the largest value; attention turns those of its scores into more. */
const tolerances = { attention: 1e-3, other: 1e-4 }

/** Computes dispatches whose inputs were kept once more in float64. */
export async function* checkOps(gpu: Gpu, { ops }: OpCapture, indices: readonly number[]): AsyncGenerator<OpCheck> {
  for (const index of indices) {
    const op = ops[index]!
    const exact = await opTwin(gpu, op)
    for (const [binding, copy] of op.outputs) {
      const values = await gpu.readF32(copy)
      const report = describe(index, op, binding, written(values))
      const twin = exact?.get(binding)
      if (!twin) {
        yield { ...report, error: null, tolerance: 0, ok: report.non_finite === 0 }
        continue
      }
      const part = report.kernel.includes('attention') ? tolerances.attention : tolerances.other
      let largest = 1
      for (const it of twin) largest = Math.max(largest, Math.abs(it))
      const error = farthest(values, twin)
      yield { ...report, error, tolerance: part * largest, ok: error.max_abs <= part * largest }
    }
  }
}

function farthest(values: Float32Array, exact: Float64Array): NonNullable<OpCheck['error']> {
  let [index, most] = [0, -1]
  for (let i = 0; i < exact.length; i++) {
    const distance = Math.abs(values[i]! - exact[i]!)
    if (distance > most || Number.isNaN(distance)) [index, most] = [i, Number.isNaN(distance) ? Infinity : distance]
    if (most === Infinity) break
  }
  return { max_abs: most, index, value: values[index]!, exact: exact[index]! }
}
