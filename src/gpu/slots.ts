import type { Recorder } from './recorder.js'
import { sizeOf, type Tensor } from './tensor.js'

/** Tensors that are divided into an equal part for each slot. */
export interface SlotTensors {
  readonly slots: number
  readonly slotTensors: readonly Tensor[]
}

/** Records the copies of one slot's part of every tensor to a slot of the same kind of tensors, or of the same ones. */
export function copySlot(recorder: Recorder, source: SlotTensors, target: SlotTensors, from: number, to: number): void {
  source.slotTensors.forEach((tensor, i) => {
    const count = sizeOf(tensor.shape) / source.slots
    recorder.copy(tensor, target.slotTensors[i]!, count, from * count, to * count)
  })
}
