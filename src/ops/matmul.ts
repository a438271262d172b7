/**
 * Weights may be f32, f16 or int8 (see DType); all arithmetic is f32. A kernel knows nothing of the format: it reads four
 * weights side by side by `weight4`, whose helper `weights.<dtype>.wgsl` is chosen here, and hands sums to `put`, which
 * multiplies them by the scale of their column where the weights are int8. `words` and `shuffle` read 128 bits of a row
 * instead, and take the fours in them apart by the same helper. x, bias, residual and out are f32.
 */
import { ShapeError } from '../errors.js'
import type { AdapterInfo } from '../gpu/adapter-info.js'
import type { Gpu } from '../gpu/gpu.js'
import type { Recorder } from '../gpu/recorder.js'
import type { OpShape } from '../gpu/shape-class.js'
import { dtypeBytes, expectShape, fromElement, rowParts, type Tensor, weightDtypes } from '../gpu/tensor.js'
import { type CachedWindowsTensors, cachedWindows, expectKeptRows } from './cached-windows.js'
import { bySample, defaultEps, type LayerNormOptions, layerNorm } from './layer-norm.js'

/** Tensors of {@link matmul}. x, residual and out may have more rows than are computed. */
export interface MatmulTensors {
  /** [rows, k] */
  readonly x: Tensor
  /** x is normed first: the product is of LN(x). */
  readonly norm?: MatmulNorm
  /** The product is of x, after its norm, and the two rows before each: x is [rows, k / 3]. */
  readonly window?: MatmulWindow
  /** [n, k], as checkpoints store it: f32, f16 or int8. */
  readonly weight: Tensor
  /** [n]; or with {@link biasOf} [groups, n or more]. */
  readonly bias?: Tensor
  /** Row r adds the n columns of bias row floor(r / rows) from this one on; without it all rows add the one bias. */
  readonly biasOf?: { readonly rows: number; readonly column: number } | undefined
  /** [rows, n] */
  readonly residual?: Tensor
  /** [rows, n]; another tensor than the rest. */
  readonly out: Tensor
}

/** A layer norm ahead of {@link matmul}. */
export interface MatmulNorm extends LayerNormOptions {
  /** [k] */
  readonly weight: Tensor
  /** [k] */
  readonly bias: Tensor
  /** LN(x) is left here, [rows, k]; another tensor than the rest. */
  readonly out: Tensor
}

/** What {@link cachedWindows} does ahead of {@link matmul}. */
export interface MatmulWindow extends Pick<CachedWindowsTensors, 'last' | 'lengths' | 'table'> {
  readonly sequences: number
  /** Of each sequence. */
  readonly newRows: number
  /** The windows may be left here, [rows, k], and LN(x) in the norm's `out`; or in neither. */
  readonly out: Tensor
}

/** What a linear layer may end in; gelu is the exact, erf form, gelu-tanh 0.5x(1 + tanh(√(2/π)(x + 0.044715x³))). */
export type Activation = 'gelu' | 'relu' | 'tanh' | 'gelu-tanh'

/** @internal As shaders/activation.wgsl counts them. */
export const activations = { none: 0, gelu: 1, relu: 2, tanh: 3, 'gelu-tanh': 4 }

/** A kernel of {@link matmul}: which file, its constants, and how much of the output a workgroup owns. */
interface Variant {
  readonly shader: string
  readonly constants?: Readonly<Record<string, number>>
  /** Rows per workgroup. */
  readonly rows: number
  /** Columns per workgroup. */
  readonly columns: number
  /** Every workgroup can norm the row for itself, and lay out its window: where work is dealt out, they are few. */
  readonly takesRow?: boolean
}

/** Most rows that count as a few: a decode step of a batch. */
const fewRows = 16

/** The op that a product of so many rows is: what its kernels are chosen by. */
export const matmulOp = (rows: number): 'gemv' | 'gemm' => (rows <= fewRows ? 'gemv' : 'gemm')

const variants = {
  subgroup({ subgroupSize }: AdapterInfo, rows: number): Variant {
    const [tile, columns] = subgroupTile(rows)
    const constants = { LANES: subgroupSize, ROWS: tile, COLUMNS: columns }
    return { shader: 'gemm.subgroup', constants, rows: tile, columns: subgroupSize * columns }
  },
  subgroup4: (): Variant => ({ shader: 'gemm.subgroup4', rows: 16, columns: 16 }),
  words: (): Variant => eightLanes('gemv.words', 5),
  shuffle: (): Variant => eightLanes('gemv.shuffle', 2),
  plain({ software }: AdapterInfo, rows: number): Variant {
    // Small workgroups spread a narrow output over more cores; software has nothing to gain from wide ones.
    const lanes = software ? 16 : 64
    const [shader, tile] = rows === 1 ? ['gemv.plain', 1] : ['gemm.plain', 4]
    return { shader, constants: { LANES: lanes }, rows: tile, columns: 4 * lanes }
  },
  tiled: (): Variant => ({ shader: 'gemm.tiled', rows: 64, columns: 64 }),
  coalesced(_: AdapterInfo, rows: number): Variant {
    const tile = Math.min(4, rows)
    return { shader: 'gemv.coalesced', constants: { ROWS: tile }, rows: tile, columns: 1 }
  },
}

/** Rows and columns of a lane. Sixteen rows are the fastest by the row; twelve waste less of 9 to 12, 17 to 24, 33 to 36. */
function subgroupTile(rows: number): [rows: number, columns: number] {
  if (rows <= 8) {
    const tile = 2 ** Math.ceil(Math.log2(rows))
    return [tile, tile < 4 ? 1 : tile < 8 ? 2 : 3]
  }
  const padded = (tile: number) => Math.ceil(rows / tile) * tile
  return padded(12) < 0.85 * padded(16) ? [12, 3] : [16, 4]
}

/** Eight lanes, each with so many columns of one row. */
function eightLanes(shader: string, columns: number): Variant {
  return { shader, constants: { LANES: 8, COLUMNS: columns }, rows: 1, columns: 8 * columns, takesRow: true }
}

/** Where k is no multiple of 4. Of several rows lanes are as for `plain`. */
function ragged({ software }: AdapterInfo, rows: number): Variant {
  if (rows === 1) return { shader: 'gemv.ragged', rows: 1, columns: 64 }
  const lanes = software ? 16 : 64
  return { shader: 'gemm.ragged', constants: { LANES: lanes }, rows: 4, columns: 4 * lanes }
}

/** Names of the kernels of {@link matmul}. */
export type MatmulVariant = keyof typeof variants

/**
 * The kernels that a device can run for so many rows and columns in and weights of a dtype, best guess first. Where k is no
 * multiple of 4 there is no choice.
 */
export function matmulVariants(
  { adapter, features }: Gpu,
  { rows, k, dtype, group }: Omit<OpShape, 'n'> & Pick<Tensor, 'group'>,
): MatmulVariant[] {
  const lanes = features.has('subgroups') ? adapter.subgroupSize : 0
  const subgroup: MatmulVariant[] = lanes === 4 ? ['subgroup4'] : lanes > 4 ? ['subgroup'] : []
  if (matmulOp(rows) === 'gemm')
    return adapter.software ? [...subgroup, 'plain', 'tiled'] : ['tiled', ...subgroup, 'plain']
  if (!adapter.software) return ['coalesced', ...subgroup, 'plain']
  // Sharing what was loaded pays from two rows on; that of four lanes always computes sixteen.
  const alone = lanes === 4 ? 8 : 1
  if (rows > alone) return [...subgroup, 'plain', 'coalesced']
  const eight = rows === 1 && adapter.subgroupSize === 8
  const padded = group !== undefined || (k * dtypeBytes[dtype]) % 16 === 0
  const words: MatmulVariant[] = eight && padded ? ['words'] : []
  const shuffle: MatmulVariant[] = lanes === 8 && eight && padded ? ['shuffle'] : []
  const wide = dtype === 'int8' ? [...shuffle, ...words] : [...words, ...shuffle]
  return [...wide, 'plain', ...subgroup, 'coalesced']
}

/**
 * out = activation(x · weightᵀ + bias) + residual, over the first `rows` rows, of LN(x) where there is a `norm`, and of each row
 * and the two before it where there is a `window`: in the same dispatch if the kernel can, else in others before it. A weight
 * larger than a binding takes a dispatch for each of its parts.
 *
 * Rows do not influence each other; how many there are may change the kernel and so the order of summation.
 *
 * @throws ShapeError
 */
export function matmul(recorder: Recorder, tensors: MatmulTensors, rows: number, activation?: Activation): void {
  const { weight, bias, biasOf, residual, window, out } = tensors
  const { gpu } = recorder
  expectShape('matmul', weight, ['n', 'k'], weightDtypes)
  const [n, k] = weight.shape as [number, number]
  expectRows(tensors.x, rows, window ? k / 3 : k)
  expectRows(out, rows, n)
  if (residual) expectRows(residual, rows, n)
  if (bias && biasOf) {
    expectRows(bias, Math.ceil(rows / biasOf.rows), Math.max(bias.shape[1]!, biasOf.column + n))
  } else if (bias) expectShape('matmul', bias, [n])
  if (rows === 0) return

  const shape = { dtype: weight.dtype, rows, k, n }
  const variant: Variant =
    k % 4 === 0
      ? variants[gpu.chooseVariant(matmulOp(rows), matmulVariants(gpu, { ...shape, group: weight.group }), shape)](
          gpu.adapter,
          rows,
        )
      : ragged(gpu.adapter, rows)
  const room = k * 4 + 64 <= gpu.limits.maxComputeWorkgroupStorageSize
  const taken = variant.takesRow && room ? takenRow(tensors, k) : undefined
  const x = taken ? tensors.x : settled(recorder, tensors, rows)
  const kernel = gpu.kernel(variant.shader, {
    ...variant.constants,
    ...taken?.constants,
    ...(weight.dtype !== 'f32' && { weights: weight.dtype }),
    ...(weight.group && { GROUP: weight.group }),
    HAS_SCALE: weight.scale ? 1 : 0,
  })
  for (const { first, rows: columns, elements, scale } of rowParts(weight)) {
    const across = Math.ceil(columns / variant.columns)
    // What one dimension cannot count goes on in the third: only a kernel of one column per workgroup comes to need it.
    const workgroups = [Math.min(across, 32768), Math.ceil(rows / variant.rows), Math.ceil(across / 32768)] as const
    // A part's columns: rows of all n begin so much later.
    const columnsOf = (tensor: Tensor) => fromElement(tensor, first)
    recorder.dispatch(
      kernel,
      {
        x,
        weight: elements,
        bias: bias && columnsOf(bias),
        residual: residual && columnsOf(residual),
        out: columnsOf(out),
        scale,
        ...taken?.bindings,
      },
      {
        rows,
        k,
        n: columns,
        width: n,
        group_rows: bias ? (biasOf?.rows ?? rows) : 0,
        bias_stride: bias ? bias.shape.at(-1)! : 0,
        bias_first: biasOf?.column ?? 0,
        has_residual: residual ? 1 : 0,
        activation: activations[activation ?? 'none'],
        table_columns: window?.table.shape[1] ?? 1,
      },
      workgroups,
    )
  }
}

/** The norm and the window of rows, in dispatches of their own. @returns where the rows are then. */
export function settled(
  recorder: Recorder,
  { x, norm, window }: Pick<MatmulTensors, 'x' | 'norm' | 'window'>,
  rows: number,
): Tensor {
  if (norm) layerNorm(recorder, { x, ...norm }, rows, norm)
  const normed = norm?.out ?? x
  if (!window) return normed
  cachedWindows(recorder, { x: normed, ...window }, window)
  return window.out
}

/** How a workgroup takes the row for itself, where it does more than read it: `row.*.wgsl`. */
function takenRow({ norm, window }: MatmulTensors, k: number) {
  if (!norm && !window) return undefined
  const width = { WIDTH: Math.ceil(k / 16) * 16 }
  const normed = norm && { EPS: norm.eps ?? defaultEps, SAMPLE: bySample(norm) }
  const affine = { norm_weight: norm?.weight, norm_bias: norm?.bias }
  if (!window) {
    return { constants: { row: 'normed', ...width, ...normed }, bindings: { ...affine, normed: norm!.out } }
  }
  const { last, lengths, table } = window
  expectKeptRows('matmul', window, 1, k / 3)
  return {
    constants: { row: 'windowed', ...width, ...normed, NORMED: norm ? 1 : 0 },
    bindings: { ...affine, last, lengths, slots: table },
  }
}

function expectRows(tensor: Tensor, rows: number, columns: number): void {
  expectShape('matmul', tensor, ['rows', columns])
  if (tensor.shape[0]! < rows)
    throw new ShapeError(`matmul: ${tensor.label} has ${tensor.shape[0]} rows, fewer than ${rows}`)
}
