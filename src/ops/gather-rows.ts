import type { Recorder } from '../gpu/recorder.js'
import { expectShape, type Tensor } from '../gpu/tensor.js'

/** Tensors of {@link gatherRows}. */
export interface GatherRowsTensors {
  /** [n, d] */
  readonly source: Tensor
  /** u32 [≥ rows], each below n. */
  readonly index: Tensor
  /** [≥ outStart + rows, d] */
  readonly out: Tensor
}

/**
 * out[outStart + r] = source[index[r]], for r in 0..rows; the other rows of out keep what they hold.
 *
 * @throws ShapeError
 */
export function gatherRows(recorder: Recorder, tensors: GatherRowsTensors, rows: number, outStart = 0): void {
  const { source, index, out } = tensors
  const [sourceRows = 0, d = 0] = source.shape
  expectShape('gatherRows', source, ['n', 'd'])
  expectShape('gatherRows', index, ['rows'], 'u32')
  expectShape('gatherRows', out, ['m', d])
  const params = { d, source_rows: sourceRows, out_start: outStart }
  recorder.dispatch(recorder.gpu.kernel('gather-rows'), { source, index, out }, params, [Math.ceil(d / 64), rows])
}
