import type { Recorder } from '../gpu/recorder.js'
import { expectRows, expectShape, type Tensor } from '../gpu/tensor.js'

/** Tensors of {@link concatRows}. */
export interface ConcatRowsTensors {
  /** [≥ rows, a] */
  readonly left: Tensor
  /** [n, b] */
  readonly right: Tensor
  /** u32 [≥ rows], each below n; without it row r comes from row r. */
  readonly from?: Tensor | undefined
  /** [≥ rows, a + b] */
  readonly out: Tensor
}

/**
 * out[r] = left[r] | right[from[r]], side by side, for r in 0..rows.
 *
 * @throws ShapeError
 */
export function concatRows(recorder: Recorder, { left, right, from, out }: ConcatRowsTensors, rows: number): void {
  expectRows('concatRows', left, rows, ['a'])
  expectShape('concatRows', right, ['n', 'b'])
  if (from) expectRows('concatRows', from, rows, [], 'u32')
  const [right_rows, right_width] = right.shape as [number, number]
  const left_width = left.shape[1]!
  expectRows('concatRows', out, rows, [left_width + right_width])
  const kernel = recorder.gpu.kernel('concat-rows', { HAS_FROM: from ? 1 : 0 })
  const params = { left_width, right_width, right_rows }
  const workgroups = [Math.ceil((left_width + right_width) / 64), rows] as const
  recorder.dispatch(kernel, { left, right, from_row: from, out }, params, workgroups)
}
