import { ShapeError } from '../errors.js'

/**
 * Element types that GPU tensors hold. f16 and int8 are for matrices of weights: several elements to a word of 32 bits, the
 * first in its lowest bits, and every row starts at a word (their last size is a multiple of 4).
 */
export type DType = 'f32' | 'u32' | 'f16' | 'int8'

/** Bytes of an element. */
export const dtypeBytes: Readonly<Record<DType, number>> = { f32: 4, u32: 4, f16: 2, int8: 1 }

/** A number format that a model's weights can be kept in on the GPU. */
export type WeightDtype = 'f32' | 'f16' | 'int8'
/** All of them. */
export const weightDtypes = ['f32', 'f16', 'int8'] as const satisfies readonly WeightDtype[]

/** A row-major array on the GPU. */
export interface Tensor {
  readonly label: string
  readonly shape: readonly number[]
  readonly dtype: DType
  /** Bytes of the elements; the buffer is padded to a multiple of 16, so that shaders may read it as vec4. */
  readonly bytes: number
  /**
   * Of a matrix made by `Gpu.matrix`: so many rows lie together, 128 bits of each in turn (shaders/weight-layout.wgsl); rows are
   * padded to whole 128 bits, the last group to whole rows. Without it row follows row.
   */
  readonly group?: number
  /** Of a matrix larger than a binding may be: so many rows are bound at a time, see {@link rowParts}. */
  readonly partRows?: number
  /** int8 only: f32 [rows], by which the elements of each row are multiplied. */
  readonly scale?: Tensor
  /** @internal */
  readonly buffer: GPUBuffer
}

/** A part of a tensor, to be bound by itself. */
export interface TensorPart {
  readonly tensor: Tensor
  /** Bytes before it: a multiple of 256, where every adapter can bind. */
  readonly offset: number
  /** Default: up to the tensor's end. */
  readonly bytes?: number
}

/** Rows of a matrix that are bound together. */
export interface RowPart {
  /** The first of them. */
  readonly first: number
  readonly rows: number
  readonly elements: TensorPart
  /** int8 only: [rows] */
  readonly scale?: TensorPart
}

/** Parts of so many rows, or a multiple, begin where every adapter can bind, with a group of rows, and so does a row of f32 there. */
const partUnit = 64

/** How many rows of so many bytes are bound at a time where a binding has no room for all: 0 where not even the fewest fit. */
export const rowsPerPart = (rowBytes: number, bindingBytes: number): number =>
  Math.floor(bindingBytes / rowBytes / partUnit) * partUnit

/** The parts that a matrix is read in, by one dispatch each: one, but for a matrix larger than a binding may be. */
export function rowParts(matrix: Tensor): RowPart[] {
  const { shape, dtype, scale, partRows } = matrix
  const rows = shape[0]!
  const most = partRows ?? rows
  return Array.from({ length: Math.ceil(rows / most) }, (_, i) => {
    const first = i * most
    const last = first + most >= rows
    const partBytes = rowStride(matrix) * dtypeBytes[dtype] * most
    return {
      first,
      rows: last ? rows - first : most,
      elements: { tensor: matrix, offset: i * partBytes, ...(!last && { bytes: partBytes }) },
      ...(scale && { scale: fromElement(scale, first) }),
    }
  })
}

/** An f32 tensor from an element on, one where a {@link RowPart} begins. */
export const fromElement = (tensor: Tensor, first: number): TensorPart => ({ tensor, offset: first * 4 })

/** Number of elements of a shape. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)

const describe = (shape: readonly (number | string)[], dtype: DType | readonly DType[]) =>
  `${[dtype].flat().join(' or ')} [${shape.join(', ')}]`

/** Elements of room from a matrix's row to the next, as if its group were one row after the other. */
export function rowStride({ shape, dtype, group }: Pick<Tensor, 'shape' | 'dtype' | 'group'>): number {
  const perLoad = 16 / dtypeBytes[dtype]
  return group ? Math.ceil(shape[1]! / perLoad) * perLoad : sizeOf(shape.slice(1))
}

/** The same elements in another shape; `Gpu.free` of either frees both. */
export function reshaped(tensor: Tensor, shape: readonly number[]): Tensor {
  if (sizeOf(shape) !== sizeOf(tensor.shape) || tensor.group || tensor.partRows) {
    throw new ShapeError(
      `${tensor.label}: ${describe(tensor.shape, tensor.dtype)} cannot be read as [${shape.join(', ')}]`,
    )
  }
  return { ...tensor, shape }
}

/**
 * Throws unless a tensor has this shape and dtype, or one of these dtypes.
 *
 * @param expected a size per dimension; a string names a dimension of any size.
 * @throws ShapeError naming the op, the tensor, the expected and the actual shape.
 */
export function expectShape(
  op: string,
  tensor: Tensor,
  expected: readonly (number | string)[],
  dtype: DType | readonly DType[] = 'f32',
): void {
  const fits =
    [dtype].flat().includes(tensor.dtype) &&
    tensor.shape.length === expected.length &&
    expected.every((size, i) => typeof size === 'string' || tensor.shape[i] === size)
  if (fits) return
  throw new ShapeError(
    `${op}: ${tensor.label} must be ${describe(expected, dtype)}, got ${describe(tensor.shape, tensor.dtype)}`,
  )
}

/**
 * Throws unless a tensor has at least this many rows, and then this shape: working memory is planned for more rows than
 * one call may use.
 *
 * @throws ShapeError
 */
export function expectRows(
  op: string,
  tensor: Tensor,
  rows: number,
  rest: readonly (number | string)[],
  dtype: DType = 'f32',
): void {
  expectShape(op, tensor, [`≥ ${rows}`, ...rest], dtype)
  if (tensor.shape[0]! >= rows) return
  throw new ShapeError(`${op}: ${tensor.label} must have ${rows} rows or more, got ${describe(tensor.shape, dtype)}`)
}
