import type { Recorder } from '../gpu/recorder.js'
import { expectRows, type Tensor } from '../gpu/tensor.js'

/** Tensors of {@link sigmoidGate}, [≥ rows, d] each. */
export interface SigmoidGateTensors {
  readonly x: Tensor
  readonly gate: Tensor
  /** Another tensor than x and gate. */
  readonly out: Tensor
}

/**
 * out = sigmoid(gate) ⊙ x, over the first `rows` rows.
 *
 * @throws ShapeError
 */
export function sigmoidGate(recorder: Recorder, { x, gate, out }: SigmoidGateTensors, rows: number): void {
  expectRows('sigmoidGate', x, rows, ['d'])
  const d = x.shape[1]!
  for (const tensor of [gate, out]) expectRows('sigmoidGate', tensor, rows, [d])
  recorder.dispatch(recorder.gpu.kernel('sigmoid-gate'), { x, gate, out }, { d }, [Math.ceil(d / 64), rows])
}
