import type { Recorder } from '../gpu/recorder.js'
import { expectRows, type Tensor } from '../gpu/tensor.js'

/** Tensors of {@link windows}. All may have more rows than are computed. */
export interface WindowsTensors {
  /** [rows, d] */
  readonly x: Tensor
  /** u32 [rows], of {@link sequenceEdges}. */
  readonly edges: Tensor
  /** [rows, 3 · d] */
  readonly out: Tensor
}

/** Where sequences that lie one after the other begin and end: 1 for a first row, 2 for a last, 3 for both, else 0. */
export function sequenceEdges(lengths: readonly number[]): Uint32Array {
  return Uint32Array.from(
    lengths.flatMap((length) => Array.from({ length }, (_, i) => (i === 0 ? 1 : 0) + (i === length - 1 ? 2 : 0))),
  )
}

/**
 * Each row with the one before and the one after it, as a convolution of width 3 reads them: out[row, 3c + j] =
 * x[row + j − 1, c], with zeros beyond the ends of a sequence. The product with weights [n, d, 3], read as [n, 3 · d], is the
 * convolution.
 *
 * @throws ShapeError
 */
export function windows(recorder: Recorder, { x, edges, out }: WindowsTensors, rows: number): void {
  expectRows('windows', x, rows, ['d'])
  const d = x.shape[1]!
  expectRows('windows', edges, rows, [], 'u32')
  expectRows('windows', out, rows, [3 * d])
  recorder.dispatch(recorder.gpu.kernel('windows'), { x, edges, out }, { d }, [Math.ceil(d / 64), rows])
}
