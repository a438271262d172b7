import type { Kernel } from './kernel.js'
import type { Tensor } from './tensor.js'

/** One dispatch, ready to be encoded again and again. @internal */
export interface Dispatch {
  readonly kernel: Kernel
  readonly bindGroup: GPUBindGroup
  readonly workgroups: readonly [number, number, number]
}

/** A copy of consecutive elements from one tensor to another. */
export interface Copy {
  readonly source: Tensor
  readonly target: Tensor
  /** Elements to copy, from and to these elements on. */
  readonly count: number
  readonly sourceStart: number
  readonly targetStart: number
}

/** @internal */
export function encodeDispatch(pass: GPUComputePassEncoder, { kernel, bindGroup, workgroups }: Dispatch): void {
  pass.setPipeline(kernel.pipeline!)
  pass.setBindGroup(0, bindGroup)
  pass.dispatchWorkgroups(...workgroups)
}

/** @internal */
export function encodeCopy(
  encoder: GPUCommandEncoder,
  { source, target, count, sourceStart, targetStart }: Copy,
): void {
  encoder.copyBufferToBuffer(source.buffer, sourceStart * 4, target.buffer, targetStart * 4, count * 4)
}

/** A finished sequence of dispatches: replayed by `Gpu.submit` with no object created but the command buffer. */
export interface Recording {
  /** @internal */
  readonly steps: readonly (Dispatch | Copy)[]
  /** Frees what the recording itself allocated, once the GPU is done with it. The tensors it names are not its own. */
  dispose(): void
}
