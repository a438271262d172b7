import type { Gpu } from './gpu.js'
import { dtypeBytes, type Tensor } from './tensor.js'
import { packWeights, placeOf } from './weight-format.js'

/** Values for a tensor, from element `start` on. */
export interface Upload {
  readonly tensor: Tensor
  readonly values: Float32Array
  readonly start: number
}

/** Host memory that the GPU copies weights from, made once and used again and again. */
export class Staging {
  readonly #buffer: GPUBuffer

  /** @param bytes a multiple of 8: as much as all values that are handed over at once take as f32, in whole groups. */
  constructor(
    readonly gpu: Gpu,
    bytes: number,
  ) {
    gpu.check()
    this.#buffer = gpu.stagingBuffer('weights.staging', bytes)
  }

  /**
   * Hands values to the GPU, as `writeWeights` does, and resolves when the next may be handed over. Where they fill a
   * whole tensor, the driver need not clear it first.
   */
  async upload(uploads: readonly Upload[]): Promise<void> {
    const { gpu } = this
    gpu.check()
    const mapped = this.#buffer.getMappedRange()
    let end = 0
    const copies = uploads.map(({ tensor, values, start }) => {
      const at = end
      const { elements, scales } = packWeights(tensor, values, mapped, at)
      // Some conversions go by 8 bytes.
      end = Math.ceil((at + elements.byteLength + (scales?.byteLength ?? 0)) / 8) * 8
      return { tensor, at, bytes: elements.byteLength, rows: scales?.length ?? 0, start }
    })
    this.#buffer.unmap()
    const encoder = gpu.device.createCommandEncoder({ label: 'weights' })
    for (const { tensor, at, bytes, rows, start } of copies) {
      encoder.copyBufferToBuffer(
        this.#buffer,
        at,
        tensor.buffer,
        placeOf(tensor, start) * dtypeBytes[tensor.dtype],
        bytes,
      )
      if (!tensor.scale) continue
      const row = start / tensor.shape[1]!
      encoder.copyBufferToBuffer(this.#buffer, at + bytes, tensor.scale.buffer, row * 4, rows * 4)
    }
    gpu.device.queue.submit([encoder.finish()])
    await gpu.guard(this.#buffer.mapAsync(2))
  }

  dispose(): void {
    this.#buffer.destroy()
  }
}
