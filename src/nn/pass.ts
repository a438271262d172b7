import type { Recorder } from '../gpu/recorder.js'
import type { Scratch } from '../gpu/scratch.js'
import type { Tensor } from '../gpu/tensor.js'

/** Called with every stage's tensor as it is recorded, and how many of its rows count: for validation. */
export type Trace = (stage: string, tensor: Tensor, rows: number) => void

/** What a recording of a forward pass works with. */
export interface Pass<Weights = unknown> {
  readonly recorder: Recorder
  readonly scratch: Scratch
  readonly weights: Weights
  readonly trace?: Trace
  /**
   * Whether stages are told of before anything reads them, so that {@link trace} may have them changed: norms are computed at
   * once, and not by the next product.
   */
  readonly settled?: boolean
}
