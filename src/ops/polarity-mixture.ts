import type { Recorder } from '../gpu/recorder.js'
import { expectRows, expectShape, type Tensor } from '../gpu/tensor.js'

/** Tensors of {@link polarityMixture}; K is the number of emotions. */
export interface PolarityMixtureTensors {
  /** [≥ rows, K]: logits of the emotions. */
  readonly emotions: Tensor
  /** [≥ 2 · rows, K]: logits of the positive mixture, then of the negative one; each by places in the order. */
  readonly mixtures: Tensor
  /** u32 [K]: the emotions, the positive ones first. */
  readonly order: Tensor
  /** [K, d] */
  readonly table: Tensor
  /** [≥ 2 · rows, d]: the mixture of the polarity that the likeliest emotion has, then the other. */
  readonly out: Tensor
}

/**
 * MIME's mimicry: softmax over the positive emotions and over the negative ones, each mixing their rows of the table. The
 * likeliest emotion, the first of equal ones, says which comes first.
 *
 * @param positive how many of the order are positive: one or more, but not all.
 * @throws ShapeError
 */
export function polarityMixture(
  recorder: Recorder,
  { emotions, mixtures, order, table, out }: PolarityMixtureTensors,
  rows: number,
  positive: number,
): void {
  expectShape('polarityMixture', table, ['K', 'd'])
  const [count, d] = table.shape as [number, number]
  expectRows('polarityMixture', emotions, rows, [count])
  expectRows('polarityMixture', mixtures, 2 * rows, [count])
  expectShape('polarityMixture', order, [count], 'u32')
  expectRows('polarityMixture', out, 2 * rows, [d])
  const kernel = recorder.gpu.kernel('polarity-mixture', { K: count })
  recorder.dispatch(kernel, { emotions, mixtures, order, table, out }, { d, positive }, [rows])
}
