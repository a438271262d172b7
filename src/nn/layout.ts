import { sizeOf, type Tensor, type WeightDtype } from '../gpu/tensor.js'

/** A tensor of a checkpoint. */
export interface TensorSpec {
  readonly name: string
  /** Linear weights are [out, in]. */
  readonly shape: readonly number[]
  /**
   * What it is for, by a name of the family's. Two names mean the same everywhere: an `identity` tensor belongs to the
   * layout but cannot change a result, and an `unused` one is saved by the authors' program and may as well be missing.
   */
  readonly role: string
  /** Names that a file may hold it under beside its own, or in its place. */
  readonly copies?: readonly string[]
}

/** Rows of a tensor of a checkpoint: all of them, unless it says which. */
export interface TensorPart extends TensorSpec {
  /** Where they begin, in rows; default: with the first. */
  readonly firstRow?: number
}

/** So many rows of a tensor, from one on: the file has two tables in one. */
export function rowsFrom(tensor: TensorSpec, firstRow: number, count: number): TensorPart {
  return { ...tensor, shape: [count, ...tensor.shape.slice(1)], firstRow }
}

/** The names under which files hold copies of an embedding that is tied to the logits' product. */
export const TIED_COPIES = [
  'lm_head.weight',
  'model.encoder.embed_tokens.weight',
  'model.decoder.embed_tokens.weight',
] as const

/** The tensors of a module that ends in `weight` and `bias`: a linear layer, or a norm. */
export interface ModuleSpec {
  readonly weight: TensorSpec
  readonly bias: TensorSpec
}

/** The tensors of a checkpoint, in the order in which they are declared. */
export class TensorTable {
  readonly tensors: TensorSpec[] = []

  tensor(role: string, name: string, ...shape: number[]): TensorSpec {
    return this.add({ name, shape, role })
  }

  /** weight [out, in] and bias [out] */
  linear(role: string, name: string, out: number, size: number): ModuleSpec {
    return { weight: this.tensor(role, `${name}.weight`, out, size), bias: this.tensor(role, `${name}.bias`, out) }
  }

  /** weight [d] and bias [d] */
  norm(role: string, name: string, d: number): ModuleSpec {
    return { weight: this.tensor(role, `${name}.weight`, d), bias: this.tensor(role, `${name}.bias`, d) }
  }

  /** A norm with statistics, [d] each: weight, bias, running mean, running variance. */
  batchNorm(role: string, name: string, d: number): TensorSpec[] {
    const { weight, bias } = this.norm(role, name, d)
    const statistics = ['running_mean', 'running_var'].map((it) => this.tensor(role, `${name}.${it}`, d))
    return [weight, bias, ...statistics]
  }

  add(tensor: TensorSpec): TensorSpec {
    this.tensors.push(tensor)
    return tensor
  }
}

/** How tensors of a checkpoint make up one on the GPU. */
export type Stacking =
  /** Matrices of one width, one under the other, in the dtype of weights. */
  | 'matrix'
  /** Filters of convolutions [out, in, width], one under the other, as matrices [out, in · width], in the dtype of weights. */
  | 'filters'
  /** Tensors one under the other, in f32: rows add up, or elements of vectors. */
  | 'stack'
  /** A matrix of one row [1, n] as a vector [n], in f32. */
  | 'row'
  /** Vectors as the rows of a matrix, in f32. */
  | 'rows'
  /** A matrix that the file holds as [in, out], in the dtype of weights. */
  | 'transposed'
  /** Matrices of the same number of rows, side by side, in the dtype of weights. */
  | 'side by side'
  /** The elementwise sum of vectors, in f32. */
  | 'sum'

/** A tensor on the GPU, as it is before it is there: what it is made of. */
export class TensorLayout {
  constructor(
    readonly stacking: Stacking,
    readonly parts: readonly TensorPart[],
    /** The shape that each part takes, with zeros where it ends before; default: its own. Of `filters` and `stack`. */
    readonly room?: readonly number[],
  ) {}

  get label(): string {
    const { name } = this.parts[0]!
    return this.parts.length === 1 ? name : `${name} + ${this.parts.length - 1}`
  }

  get shape(): readonly number[] {
    const first = this.room ?? this.parts[0]!.shape
    const along = (axis: number) => this.parts.reduce((sum, { shape }) => sum + (this.room ?? shape)[axis]!, 0)
    if (this.stacking === 'transposed') return [...first].reverse()
    if (this.stacking === 'rows') return [this.parts.length, ...first]
    if (this.stacking === 'filters') return [along(0), first[1]! * first[2]!]
    if (this.stacking === 'side by side') return [first[0]!, along(1)]
    if (this.stacking === 'row' || this.stacking === 'sum') return first.slice(-1)
    return [along(0), ...first.slice(1)]
  }

  /** What it is for; of vectors and tables as of matrices. */
  get role(): string {
    return this.parts[0]!.role
  }

  /** Whether it is a matrix of weights, [n, k], to be multiplied by. */
  get isMatrix(): boolean {
    return ['matrix', 'filters', 'transposed', 'side by side'].includes(this.stacking)
  }

  /** Its dtype where that of weights is this one: a matrix whose number of columns is no multiple of 4 stays f32. */
  dtype(ofWeights: WeightDtype): WeightDtype {
    return this.isMatrix && this.shape[1]! % 4 === 0 ? ofWeights : 'f32'
  }
}

export const matrix = (...parts: TensorPart[]): TensorLayout => new TensorLayout('matrix', parts)
export const filters = (...parts: TensorSpec[]): TensorLayout => new TensorLayout('filters', parts)
export const transposed = (part: TensorPart): TensorLayout => new TensorLayout('transposed', [part])
export const stack = (...parts: TensorPart[]): TensorLayout => new TensorLayout('stack', parts)
export const row = (part: TensorSpec): TensorLayout => new TensorLayout('row', [part])
export const rows = (...parts: TensorSpec[]): TensorLayout => new TensorLayout('rows', parts)
export const sideBySide = (...parts: TensorSpec[]): TensorLayout => new TensorLayout('side by side', parts)
export const sum = (...parts: TensorSpec[]): TensorLayout => new TensorLayout('sum', parts)

/** The same, of parts with zeros behind them up to this shape: see {@link TensorLayout.room}. */
export function padded({ stacking, parts }: TensorLayout, room: readonly number[]): TensorLayout {
  const fits = parts.every(({ shape }) => shape.every((size, axis) => size === room[axis]))
  return new TensorLayout(stacking, parts, fits ? undefined : room)
}

/** y = x · weightᵀ + bias: linear layers of the same input, one under the other. */
export const linear = (...modules: ModuleSpec[]) => ({
  /** [out, in] */
  weight: matrix(...modules.map((it) => it.weight)),
  /** [out] */
  bias: stack(...modules.map((it) => it.bias)),
})

/** A layer norm's affine part. */
export const norm = ({ weight, bias }: ModuleSpec) => ({
  /** [d] */
  weight: stack(weight),
  /** [d] */
  bias: stack(bias),
})

/** What a model's checkpoint holds, and what of it is on the GPU: checking, loading, memory and cost are derived from it. */
export interface ModelLayout<Weights = unknown> {
  /** Every tensor of the checkpoint. */
  readonly tensors: readonly TensorSpec[]
  /** A tree of {@link TensorLayout}s, shaped as the forward pass reads it; they are loaded in its order. */
  readonly weights: Weights
}

/** A tree of layouts once it is loaded: a tensor stands for every layout, and all else is as it was. */
export type Loaded<Layout> = Layout extends TensorLayout
  ? Tensor
  : Layout extends object
    ? { readonly [Key in keyof Layout]: Loaded<Layout[Key]> }
    : Layout

/** y = x · weightᵀ + bias, on the GPU. */
export type Linear = Loaded<ReturnType<typeof linear>>
/** A layer norm's affine part, on the GPU. */
export type Norm = Loaded<ReturnType<typeof norm>>

/** A tree with a tensor for every layout, made in their order. */
export function mapLayout<Layout>(tree: Layout, make: (layout: TensorLayout) => Tensor): Loaded<Layout> {
  const map = (value: unknown): unknown => {
    if (value instanceof TensorLayout) return make(value)
    if (Array.isArray(value)) return value.map(map)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, map(it)]))
  }
  return map(tree) as Loaded<Layout>
}

/** Every layout of a tree, or of a part of one, in its order. */
export function layoutsOf(tree: unknown): TensorLayout[] {
  if (tree instanceof TensorLayout) return [tree]
  return typeof tree === 'object' && tree !== null ? Object.values(tree).flatMap(layoutsOf) : []
}

/** Elements of all matrices of a tree: twice as many operations, a multiplication and an addition, multiply a row by them. */
export function matrixElements(tree: unknown): number {
  return layoutsOf(tree).reduce((total, layout) => total + (layout.isMatrix ? sizeOf(layout.shape) : 0), 0)
}
