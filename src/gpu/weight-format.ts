import { InputError } from '../errors.js'
import { f32ToF16 } from '../io/half.js'
import { quantizeRows } from '../io/quantize.js'
import type { Gpu } from './gpu.js'
import { type DType, dtypeBytes, rowStride, type Tensor } from './tensor.js'

/** Values as a tensor holds them. */
export interface PackedWeights {
  readonly elements: Float32Array | Uint16Array | Int8Array
  /** Of an int8 matrix: one for every row. */
  readonly scales?: Float32Array
}

/** How many elements of room values take: an even number, and whole groups of rows. */
export function roomFor(tensor: Tensor, elements: number): number {
  if (!tensor.group) return Math.ceil(elements / 2) * 2
  const rows = Math.ceil(elements / tensor.shape[1]! / tensor.group) * tensor.group
  return rows * rowStride(tensor)
}

/**
 * Converts f32 values to a tensor's dtype and layout: of a matrix in groups whole groups, or all to its last row.
 *
 * @param target holds the elements from byte `at` on, a multiple of 8, and behind them the scales: four bytes for each element
 *   of {@link roomFor} are enough.
 * @throws InputError for a value that an f16 cannot hold.
 */
export function packWeights(tensor: Tensor, values: Float32Array, target: ArrayBuffer, at = 0): PackedWeights {
  const { group, dtype, shape } = tensor
  const [room, bytes] = [roomFor(tensor, values.length), dtypeBytes[dtype]]
  const scales = tensor.scale && { scales: new Float32Array(target, at + room * bytes, values.length / shape[1]!) }
  if (!group) return { elements: convert(tensor, values, target, at, scales?.scales), ...scales }
  const rows =
    dtype === 'f32' ? values : convert(tensor, values, new ArrayBuffer(values.length * bytes), 0, scales?.scales)
  interleave(rows, shape[1]! * bytes, group, new Uint8Array(target, at, room * bytes))
  return { elements: elementsOf(dtype, target, at, room), ...scales }
}

/** Converts values to a tensor's dtype, row after row. */
function convert(tensor: Tensor, values: Float32Array, target: ArrayBuffer, at: number, scales?: Float32Array) {
  const elements = elementsOf(tensor.dtype, target, at, values.length)
  if (elements instanceof Int8Array) quantizeRows(values, tensor.shape[1]!, elements, scales!)
  else if (elements instanceof Uint16Array) {
    f32ToF16(values, elements)
    const infinite = elements.findIndex((half) => (half & 0x7c00) === 0x7c00)
    if (infinite >= 0) {
      const value = values[infinite]
      throw new InputError(`${tensor.label}: holds ${value}, beyond what f16 can hold; load the model as f32`)
    }
  } else elements.set(values)
  return elements
}

function elementsOf(dtype: DType, target: ArrayBuffer, at: number, length: number): PackedWeights['elements'] {
  const View = { f32: Float32Array, u32: Float32Array, f16: Uint16Array, int8: Int8Array }[dtype]
  return new View(target, at, length)
}

/**
 * Puts rows in groups, 128 bits of each row in turn, and zeros where a row ends within them; what is missing of the last group
 * stays as it is.
 */
function interleave(rows: ArrayBufferView, rowBytes: number, group: number, target: Uint8Array): void {
  // By doubles, the widest that a copy's loop moves at once; the bits of a NaN among them may not survive, so of floats only.
  const [View, unit] = rows instanceof Float32Array ? ([Float64Array, 2] as const) : ([Uint32Array, 4] as const)
  const from = new View(rows.buffer as ArrayBuffer, rows.byteOffset, (rows.byteLength * unit) / 16)
  const to = new View(target.buffer as ArrayBuffer, target.byteOffset, (target.byteLength * unit) / 16)
  const perRow = (rowBytes * unit) / 16
  const stride = Math.ceil(perRow / unit) * unit
  for (let row = 0; row < from.length / perRow; row++) {
    let place = (row - (row % group)) * stride + (row % group) * unit
    const end = (row + 1) * perRow
    let i = row * perRow
    for (; i + unit <= end; i += unit, place += group * unit) {
      to[place] = from[i]!
      to[place + 1] = from[i + 1]!
      if (unit === 2) continue
      to[place + 2] = from[i + 2]!
      to[place + 3] = from[i + 3]!
    }
    if (i === end) continue
    for (let rest = 0; rest < unit; rest++) to[place + rest] = i + rest < end ? from[i + rest]! : 0
  }
}

/** Where a row begins that is the first of a group, or lies alone: its place among the elements of room. */
export const placeOf = (tensor: Tensor, start: number): number =>
  tensor.group ? (start / tensor.shape[1]!) * rowStride(tensor) : start

/** Writes f32 values to a tensor of any weight dtype, from element `start` on: see {@link packWeights}. */
export function writeWeights(gpu: Gpu, tensor: Tensor, values: Float32Array, start = 0): void {
  const { elements, scales } = packWeights(tensor, values, new ArrayBuffer(roomFor(tensor, values.length) * 4))
  gpu.write(tensor, elements, placeOf(tensor, start))
  if (scales) gpu.write(tensor.scale!, scales, start / tensor.shape[1]!)
}
