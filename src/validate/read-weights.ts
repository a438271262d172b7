import type { Gpu } from '../gpu/gpu.js'
import { dtypeBytes, rowStride, sizeOf, type Tensor } from '../gpu/tensor.js'
import { f16ToF32 } from '../io/half.js'

/** The bytes of a tensor's elements, row after row. */
export async function readRows(gpu: Gpu, tensor: Tensor): Promise<Uint8Array<ArrayBuffer>> {
  const { group, bytes, shape } = tensor
  if (!group) return new Uint8Array((await gpu.read(tensor)).buffer as ArrayBuffer, 0, bytes)
  const stored = new Uint8Array((await gpu.read({ ...tensor, bytes: tensor.buffer.size })).buffer)
  const elementBytes = dtypeBytes[tensor.dtype]
  const [stride, rowBytes] = [rowStride(tensor) * elementBytes, shape[1]! * elementBytes]
  const rows = new Uint8Array(shape[0]! * rowBytes)
  for (let row = 0; row < shape[0]!; row++) {
    for (let at = 0; at < rowBytes; at += 16) {
      const from = Math.floor(row / group) * group * stride + at * group + (row % group) * 16
      rows.set(stored.subarray(from, from + Math.min(16, rowBytes - at)), row * rowBytes + at)
    }
  }
  return rows
}

/** A tensor's values, whatever their format. */
export async function readWeights(gpu: Gpu, tensor: Tensor): Promise<Float32Array> {
  const { buffer } = await readRows(gpu, tensor)
  const values = new Float32Array(sizeOf(tensor.shape))
  if (tensor.dtype === 'f32') values.set(new Float32Array(buffer, 0, values.length))
  if (tensor.dtype === 'f16') f16ToF32(new Uint16Array(buffer, 0, values.length), values)
  if (tensor.scale) {
    const scales = await gpu.readF32(tensor.scale)
    new Int8Array(buffer, 0, values.length).forEach((integer, i) => {
      values[i] = integer * scales[Math.floor(i / tensor.shape[1]!)]!
    })
  }
  return values
}
