import { InputError } from '../errors.js'
import { f32ToF16 } from '../io/half.js'
import { quantizeRows } from '../io/quantize.js'
import type { Gpu } from './gpu.js'
import type { Tensor } from './tensor.js'

/** Writes f32 values to tensors of any weight dtype, through memory that it makes once. */
export class WeightWriter {
  #halves = new Uint16Array(0)
  #integers = new Int8Array(0)

  constructor(readonly gpu: Gpu) {}

  /**
   * Writes values, converted to the tensor's dtype, from element `start` on: of an int8 matrix whole rows.
   *
   * @throws InputError for a value that an f16 cannot hold.
   */
  write(tensor: Tensor, values: Float32Array, start = 0): void {
    if (tensor.dtype === 'f16') this.gpu.write(tensor, this.#toHalves(tensor, values), start)
    else if (tensor.scale) {
      if (this.#integers.length < values.length) this.#integers = new Int8Array(values.length)
      const integers = this.#integers.subarray(0, values.length)
      const columns = tensor.shape[1]!
      const scales = new Float32Array(values.length / columns)
      quantizeRows(values, columns, integers, scales)
      this.gpu.write(tensor, integers, start)
      this.gpu.write(tensor.scale, scales, start / columns)
    } else this.gpu.write(tensor, values, start)
  }

  #toHalves(tensor: Tensor, values: Float32Array): Uint16Array {
    if (this.#halves.length < values.length) this.#halves = new Uint16Array(values.length)
    const halves = this.#halves.subarray(0, values.length)
    f32ToF16(values, halves)
    for (let i = 0; i < halves.length; i++) {
      if ((halves[i]! & 0x7c00) !== 0x7c00) continue
      throw new InputError(`${tensor.label}: holds ${values[i]}, beyond what f16 can hold; load the model as f32`)
    }
    return halves
  }
}
