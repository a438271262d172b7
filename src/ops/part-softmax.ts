import { ShapeError } from '../errors.js'
import type { Recorder } from '../gpu/recorder.js'
import { expectRows, type Tensor } from '../gpu/tensor.js'

/** Tensors of {@link partSoftmax}. */
export interface PartSoftmaxTensors {
  /** [≥ rows, V] */
  readonly scores: Tensor
  /** [≥ rows, n]: scores[row, first … first + n) */
  readonly part: Tensor
  /** [≥ rows, n]: their softmax, all other scores left out. */
  readonly probs: Tensor
}

/**
 * Of each of the first `rows` rows, a few columns that follow each other, and the softmax over these alone.
 *
 * @throws ShapeError
 */
export function partSoftmax(recorder: Recorder, tensors: PartSoftmaxTensors, first: number, rows: number): void {
  const { scores, part, probs } = tensors
  const count = part.shape[1]!
  expectRows('partSoftmax', scores, rows, ['V'])
  expectRows('partSoftmax', part, rows, ['n'])
  expectRows('partSoftmax', probs, rows, [count])
  const width = scores.shape[1]!
  if (first + count > width) {
    throw new ShapeError(`partSoftmax: columns ${first} to ${first + count - 1} of ${scores.label}, which has ${width}`)
  }
  recorder.dispatch(recorder.gpu.kernel('part-softmax'), { scores, part, probs }, { width, first, count }, [rows])
}
