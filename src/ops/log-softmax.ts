import type { Recorder } from '../gpu/recorder.js'
import { expectRows, type Tensor } from '../gpu/tensor.js'
import { rowLanes } from './row-lanes.js'

/**
 * log softmax of the first `count` rows, in place: x − max − log Σ exp(x − max). A row with +∞ or NaN in it, or of −∞ alone,
 * becomes NaN as a whole, on every adapter.
 *
 * @param scores f32 [rows, V]
 * @throws ShapeError
 */
export function logSoftmax(recorder: Recorder, scores: Tensor, count: number): void {
  expectRows('logSoftmax', scores, count, ['V'])
  const kernel = recorder.gpu.kernel('log-softmax', { LANES: rowLanes(recorder.gpu, 'log-softmax', 256) })
  recorder.dispatch(kernel, { scores }, { width: scores.shape[1]! }, [count])
}
