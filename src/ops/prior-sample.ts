import type { Recorder } from '../gpu/recorder.js'
import { expectRows, type Tensor } from '../gpu/tensor.js'

/** Tensors of {@link priorSample}. All may have more rows than are computed. */
export interface PriorSampleTensors {
  /** [rows, 3 · d]: μ of two polarities, and log σ², which is the same for both. */
  readonly prior: Tensor
  /** ε [rows, 2 · d] */
  readonly noise: Tensor
  /** [2 · rows, d]: a row of each polarity in turn. */
  readonly out: Tensor
}

/**
 * z = μ + exp(½ log σ²) ⊙ ε for both polarities.
 *
 * @throws ShapeError
 */
export function priorSample(recorder: Recorder, { prior, noise, out }: PriorSampleTensors, rows: number): void {
  expectRows('priorSample', out, 2 * rows, ['d'])
  const d = out.shape[1]!
  expectRows('priorSample', prior, rows, [3 * d])
  expectRows('priorSample', noise, rows, [2 * d])
  const kernel = recorder.gpu.kernel('prior-sample')
  recorder.dispatch(kernel, { prior, noise, out }, { d }, [Math.ceil(d / 64), rows])
}
