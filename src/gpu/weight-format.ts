import { InputError } from '../errors.js'
import { f32ToF16 } from '../io/half.js'
import { quantizeRows } from '../io/quantize.js'
import type { Gpu } from './gpu.js'
import { dtypeBytes, type Tensor } from './tensor.js'

/** Values as a tensor holds them. */
export interface PackedWeights {
  readonly elements: Float32Array | Uint16Array | Int8Array
  /** Of an int8 matrix: one for every row. */
  readonly scales?: Float32Array
}

/**
 * Converts f32 values to a tensor's dtype: of an int8 matrix whole rows.
 *
 * @param target holds the elements from byte `at` on, and behind them the scales: as many bytes as the values are enough.
 * @throws InputError for a value that an f16 cannot hold.
 */
export function packWeights(tensor: Tensor, values: Float32Array, target: ArrayBuffer, at = 0): PackedWeights {
  if (tensor.dtype === 'f16') {
    const elements = new Uint16Array(target, at, values.length)
    f32ToF16(values, elements)
    const infinite = elements.findIndex((half) => (half & 0x7c00) === 0x7c00)
    if (infinite < 0) return { elements }
    throw new InputError(`${tensor.label}: holds ${values[infinite]}, beyond what f16 can hold; load the model as f32`)
  }
  if (tensor.scale) {
    const columns = tensor.shape[1]!
    const elements = new Int8Array(target, at, values.length)
    const scales = new Float32Array(target, at + values.length, values.length / columns)
    quantizeRows(values, columns, elements, scales)
    return { elements, scales }
  }
  const elements = new Float32Array(target, at, values.length)
  elements.set(values)
  return { elements }
}

/** Writes f32 values to a tensor of any weight dtype, from element `start` on: see {@link packWeights}. */
export function writeWeights(gpu: Gpu, tensor: Tensor, values: Float32Array, start = 0): void {
  const { elements, scales } = packWeights(tensor, values, new ArrayBuffer(values.byteLength))
  gpu.write(tensor, elements, start)
  if (scales) gpu.write(tensor.scale!, scales, start / tensor.shape[1]!)
}

/** Values for a tensor, from element `start` on. */
export interface Upload {
  readonly tensor: Tensor
  readonly values: Float32Array
  readonly start: number
}

/** Host memory that the GPU copies weights from, made once and used again and again. */
export class Staging {
  readonly #buffer: GPUBuffer

  /** @param bytes a multiple of 4: as much as all values that are handed over at once take as f32. */
  constructor(
    readonly gpu: Gpu,
    bytes: number,
  ) {
    gpu.check()
    this.#buffer = gpu.stagingBuffer('weights.staging', bytes)
  }

  /**
   * Hands values to the GPU, as {@link writeWeights} does, and resolves when the next may be handed over. Where they fill a
   * whole tensor, the driver need not clear it first.
   */
  async upload(uploads: readonly Upload[]): Promise<void> {
    const { gpu } = this
    const mapped = this.#buffer.getMappedRange()
    let end = 0
    const copies = uploads.map(({ tensor, values, start }) => {
      const at = end
      const { elements, scales } = packWeights(tensor, values, mapped, at)
      end += elements.byteLength + (scales?.byteLength ?? 0)
      return { tensor, at, bytes: elements.byteLength, rows: scales?.length ?? 0, start }
    })
    this.#buffer.unmap()
    const encoder = gpu.device.createCommandEncoder({ label: 'weights' })
    for (const { tensor, at, bytes, rows, start } of copies) {
      encoder.copyBufferToBuffer(this.#buffer, at, tensor.buffer, start * dtypeBytes[tensor.dtype], bytes)
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
