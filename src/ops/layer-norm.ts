import type { Recorder } from '../gpu/recorder.js'
import { expectShape, type Tensor } from '../gpu/tensor.js'
import { rowLanes } from './row-lanes.js'

/** Tensors of {@link layerNorm}; d is the model width. */
export interface LayerNormTensors {
  /** [rows, d] */
  readonly x: Tensor
  /** [rows, d], added to x before the norm. */
  readonly residual?: Tensor
  /** [d] */
  readonly weight: Tensor
  /** [d] */
  readonly bias: Tensor
  /** [rows, d]; another tensor than x and residual. */
  readonly out: Tensor
}

/**
 * out = LN(x + residual), over the first `rows` rows.
 *
 * @param eps added to the variance: 1e-5 in the backbone, 1e-8 in the released fusion.
 * @throws ShapeError
 */
export function layerNorm(recorder: Recorder, tensors: LayerNormTensors, rows: number, eps = 1e-5): void {
  const { x, residual, weight, bias, out } = tensors
  const d = weight.shape[0]!
  for (const tensor of residual ? [x, residual, out] : [x, out]) expectShape('layerNorm', tensor, ['rows', d])
  expectShape('layerNorm', bias, [d])
  const { gpu } = recorder
  const kernel = gpu.kernel('layer-norm', { LANES: rowLanes(gpu, 'layer-norm', 64) })
  const params = { d, has_residual: residual ? 1 : 0, eps }
  recorder.dispatch(kernel, { x, residual, weight, bias, out }, params, [rows])
}
