import type { Recorder } from './recorder.js'
import { sizeOf, type Tensor } from './tensor.js'

/** Tensors that are divided into an equal part for each slot. */
export interface SlotTensors {
  readonly slots: number
  readonly slotTensors: readonly Tensor[]
}

/** Bytes of the largest part of a slot. */
export function largestPart({ slots, slotTensors }: SlotTensors): number {
  return Math.max(...slotTensors.map(({ bytes }) => bytes / slots))
}

/**
 * Records the copies of one slot's part of every tensor to a slot of the same kind of tensors, or of the same ones.
 *
 * @param between room for {@link largestPart}: WebGPU copies no buffer to itself, so that goes by a third.
 */
export function copySlot(
  recorder: Recorder,
  source: SlotTensors,
  target: SlotTensors,
  from: number,
  to: number,
  between: Tensor,
): void {
  const targets = target.slotTensors
  for (const [i, tensor] of source.slotTensors.entries()) {
    const count = sizeOf(tensor.shape) / source.slots
    const within = tensor === targets[i]
    if (within) recorder.copy(tensor, between, count, from * count)
    const [copied, start] = within ? [between, 0] : [tensor, from * count]
    recorder.copy(copied, targets[i]!, count, start, to * count)
  }
}
