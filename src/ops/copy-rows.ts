import type { Recorder } from '../gpu/recorder.js'
import { expectShape, type Tensor } from '../gpu/tensor.js'

/** Tensors of {@link copyRows}. */
export interface CopyRowsTensors {
  /** [n, d] */
  readonly source: Tensor
  /** u32 [≥ rows], each below n; without it row r comes from row r. */
  readonly from?: Tensor
  /** [m, d] */
  readonly target: Tensor
  /** u32 [≥ rows], each below m and no two alike; without it row r goes to row r. */
  readonly to?: Tensor
}

/**
 * target[to[r]] = source[from[r]], for r in 0..rows; the other rows of the target keep what they hold.
 *
 * @throws ShapeError
 */
export function copyRows(recorder: Recorder, tensors: CopyRowsTensors, rows: number): void {
  const { source, from, target, to } = tensors
  const [sourceRows = 0, d = 0] = source.shape
  expectShape('copyRows', source, ['n', 'd'])
  if (from) expectShape('copyRows', from, ['rows'], 'u32')
  expectShape('copyRows', target, ['m', d])
  if (to) expectShape('copyRows', to, ['rows'], 'u32')
  const kernel = recorder.gpu.kernel('copy-rows', { HAS_FROM: from ? 1 : 0, HAS_TO: to ? 1 : 0 })
  const params = { d, source_rows: sourceRows, target_rows: target.shape[0]! }
  recorder.dispatch(kernel, { source, from_row: from, to_row: to, out: target }, params, [Math.ceil(d / 64), rows])
}
