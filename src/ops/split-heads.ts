import type { Recorder } from '../gpu/recorder.js'
import { expectRows, expectShape, type Tensor } from '../gpu/tensor.js'

/** Tensors of {@link splitHeads}; d = heads · e. */
export interface SplitHeadsTensors {
  /** [≥ rows, 2d]: a row's keys, then its values. */
  readonly source: Tensor
  /** u32 [≥ rows]: slot · slotRows + row of the slot, no two alike. */
  readonly to: Tensor
  /** [slots, heads, slotRows, 2e], as {@link crossAttention} reads it; other rows keep what they hold. */
  readonly target: Tensor
}

/**
 * Puts keys and values of rows where a cache keeps them head by head, so that attention reads memory from one end to the other.
 *
 * @throws ShapeError
 */
export function splitHeads(recorder: Recorder, { source, to, target }: SplitHeadsTensors, rows: number): void {
  expectShape('splitHeads', target, ['slots', 'heads', 'slotRows', '2e'])
  const [slots, heads, slotRows, width] = target.shape as [number, number, number, number]
  const d = (heads * width) / 2
  expectRows('splitHeads', source, rows, [2 * d])
  expectRows('splitHeads', to, rows, [], 'u32')
  const params = { d, head_width: width / 2, slots, slot_rows: slotRows }
  const kernel = recorder.gpu.kernel('split-heads')
  recorder.dispatch(kernel, { source, to_row: to, out: target }, params, [Math.ceil((2 * d) / 64), rows])
}
