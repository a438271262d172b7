import { dtypeBytes, rowsPerPart, sizeOf, type WeightDtype } from '../gpu/tensor.js'
import { layoutsOf } from './layout.js'

/** A tensor on the GPU. */
export interface TensorSize {
  readonly name: string
  readonly bytes: number
}

/** How large buffers may be, and what of them a shader is given at a time, in bytes. */
export type BufferLimits = Pick<GPUSupportedLimits, 'maxBufferSize' | 'maxStorageBufferBindingSize'>

/** Those that every WebGPU adapter has: the defaults of https://www.w3.org/TR/webgpu/#limits. */
export const leastLimits: BufferLimits = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 }

/** Whether an adapter has room for a model's tensors, each by itself: how much memory it has in all, WebGPU does not tell. */
export interface AdapterFit {
  readonly largestMatrix: TensorSize
  /** Of all others, which must fit in a binding. */
  readonly largestOther: TensorSize
  /** Matrices larger than a binding that are read in parts. */
  readonly inParts: number
  /** What the adapter has no room for. */
  readonly tooLarge: readonly TensorSize[]
}

/**
 * Tells what of a model fits, by the rules of `Gpu.matrix` and `Gpu.tensor`.
 *
 * @param weights layouts
 * @param beside tensors that are none of its weights.
 */
export function adapterFit(
  weights: unknown,
  dtype: WeightDtype,
  beside: readonly TensorSize[],
  { maxBufferSize, maxStorageBufferBindingSize: binding }: BufferLimits,
): AdapterFit {
  const whole = Math.min(maxBufferSize, binding)
  const matrices: (TensorSize & { readonly most: number })[] = []
  const others = [...beside]
  for (const layout of layoutsOf(weights)) {
    const { label: name, shape, isMatrix } = layout
    const itsDtype = layout.dtype(dtype)
    const bytes = sizeOf(shape) * dtypeBytes[itsDtype]
    if (itsDtype === 'int8') others.push({ name: `${name}.scale`, bytes: shape[0]! * 4 })
    if (!isMatrix) others.push({ name, bytes })
    else matrices.push({ name, bytes, most: rowsPerPart(bytes / shape[0]!, binding) > 0 ? maxBufferSize : whole })
  }
  const tooLarge = [...matrices.filter((it) => it.bytes > it.most), ...others.filter((it) => it.bytes > whole)]
  return {
    largestMatrix: largest(matrices),
    largestOther: largest(others),
    inParts: matrices.filter((it) => it.bytes > whole && it.bytes <= it.most).length,
    tooLarge: tooLarge.map(size),
  }
}

const size = ({ name, bytes }: TensorSize): TensorSize => ({ name, bytes })
const largest = (tensors: readonly TensorSize[]) =>
  size(tensors.reduce((a, b) => (b.bytes > a.bytes ? b : a), { name: 'none', bytes: 0 }))
