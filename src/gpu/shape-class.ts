import type { DType } from './tensor.js'

/** The sizes that a kernel is chosen by. What `k` and `n` are is the op's to say: for a product, columns in and out. */
export interface OpShape {
  /** Number format of what is read most, as the weight of a product. */
  readonly dtype: DType
  readonly rows: number
  readonly k: number
  readonly n: number
}

/** Shapes for which one kernel is chosen; its own sizes are those that it is measured at. */
export interface ShapeClass extends OpShape {
  readonly op: string
  /** Names the class in the cache: changing how shapes are rounded makes every cached choice meaningless. */
  readonly key: string
}

/** Most rows of each class: a decode step alone, of a few replies, of a full batch; short and long encodings. */
const rowClasses = [1, 4, 16, 64, 256] as const
/** k and n are rounded up to powers of two, and above these all are one class. */
const most = { k: 4096, n: 16384 }

const powerOfTwo = (size: number, limit: number) => Math.min(2 ** Math.ceil(Math.log2(Math.max(size, 1))), limit)

/** The class of a shape. That of a class's own sizes is the class itself. */
export function shapeClass(op: string, { dtype, ...shape }: OpShape): ShapeClass {
  const rows = rowClasses.find((limit) => shape.rows <= limit) ?? rowClasses.at(-1)!
  const [k, n] = [powerOfTwo(shape.k, most.k), powerOfTwo(shape.n, most.n)]
  return { op, dtype, rows, k, n, key: `${op} ${dtype} ${rows}x${k}x${n}` }
}
