import type { Gpu } from '../gpu/gpu.js'
import { activations } from '../ops/matmul.js'
import type { CapturedOp } from './op-capture.js'
import { readWeights } from './read-weights.js'
import { attention } from './twins/attention.js'
import { cachedAttention } from './twins/cached-attention.js'
import { cachedWindow } from './twins/cached-window.js'
import { crossAttention } from './twins/cross-attention.js'
import { embed } from './twins/embed.js'
import { layerNorm } from './twins/layer-norm.js'
import { matmul } from './twins/matmul.js'

/** What a dispatch should have written, in float64 from what it read. */
export type OpResult = ReadonlyMap<string, Float64Array>

type Read = (binding: string) => Promise<Float32Array>
type ReadU32 = (binding: string) => Promise<Uint32Array>
type Twin = (op: CapturedOp, read: Read, readU32: ReadU32) => Promise<OpResult>

/** By the first words of the shader's name. */
const twins: readonly (readonly [RegExp, Twin])[] = [
  [/^gem[mv]\./, product],
  [/^layer-norm$/, norm],
  [/^embed$/, embeddings],
  [/^attention/, raggedAttention],
  [/^cached-attention/, selfAttention],
  [/^cross-attention/, sourceAttention],
]

/**
 * Computes a captured dispatch in float64 from its inputs.
 *
 * @returns undefined for kernels that have no twin, and for a part of a matrix larger than a binding
 */
export async function opTwin(gpu: Gpu, op: CapturedOp): Promise<OpResult | undefined> {
  const twin = twins.find(([name]) => name.test(op.kernel.shader.name))?.[1]
  const whole = Object.values(op.parts).every(({ offset, bytes }) => offset === 0 && bytes === undefined)
  if (!twin || !whole || op.parts.choices || op.outputs.size === 0) return undefined
  const tensorOf = (binding: string) => op.inputs.get(binding) ?? op.parts[binding]!.tensor
  return await twin(
    op,
    (binding) => readWeights(gpu, tensorOf(binding)),
    async (binding) => (await gpu.read(tensorOf(binding))) as Uint32Array,
  )
}

async function product({ params, parts, kernel }: CapturedOp, read: Read, readU32: ReadU32): Promise<OpResult> {
  const { rows = 0, k = 0, n = 0, group_rows = 0, bias_stride = 0, bias_first = 0 } = params
  const results = new Map<string, Float64Array>()
  const { row, EPS, SAMPLE, NORMED } = kernel.shader.constants
  let x: ArrayLike<number> = (await read('x')).subarray(0, rows * (row === 'windowed' ? k / 3 : k))
  if (row === 'normed' || NORMED) {
    const by = SAMPLE ? 'sample deviation' : 'variance'
    x = layerNorm(x, undefined, await read('norm_weight'), await read('norm_bias'), rows, EPS as number, by)
    if (row === 'normed') results.set('normed', x as Float64Array)
  }
  if (row === 'windowed') {
    const table = (await readU32('slots')).subarray(0, params.table_columns)
    x = cachedWindow(x, await read('last'), (await readU32('lengths'))[0]!, table)
  }
  let bias: Float32Array | undefined
  if (parts.bias && group_rows > 0) {
    const values = await read('bias')
    bias = new Float32Array(rows * n)
    for (let row = 0; row < rows; row++) {
      const start = Math.floor(row / group_rows) * bias_stride + bias_first
      bias.set(values.subarray(start, start + n), row * n)
    }
  }
  const residual = params.has_residual ? (await read('residual')).subarray(0, rows * n) : undefined
  const activation = (Object.keys(activations) as (keyof typeof activations)[])[params.activation ?? 0]
  const values = { x, weight: await read('weight'), ...(bias && { bias }), ...(residual && { residual }) }
  return results.set('out', matmul(values, [rows, k, n], activation))
}

async function norm({ params, kernel, grid }: CapturedOp, read: Read): Promise<OpResult> {
  const { d = 0, eps = 0 } = params
  const [rows, count] = [grid[0], grid[0] * d]
  const residual = params.has_residual ? (await read('residual')).subarray(0, count) : undefined
  const by = kernel.shader.overrides.SAMPLE ? 'sample deviation' : 'variance'
  const x = (await read('x')).subarray(0, count)
  return new Map([['out', layerNorm(x, residual, await read('weight'), await read('bias'), rows, eps, by)]])
}

async function embeddings(
  { params, parts, kernel, grid }: CapturedOp,
  read: Read,
  readU32: ReadU32,
): Promise<OpResult> {
  const { d = 0, scale = 1, position_offset: positionOffset = 0 } = params
  const { HAS_POSITIONS, HAS_NORM, NORM_FIRST } = kernel.shader.overrides
  const values = {
    ids: await readU32('ids'),
    table: await read('table'),
    ...(HAS_POSITIONS && parts.positions
      ? { positions: await readU32('positions'), positionTable: await read('position_table') }
      : {}),
    ...(HAS_NORM ? { norm: { weight: await read('weight'), bias: await read('bias') } } : {}),
  }
  return new Map([['out', embed(values, [grid[0], d], { scale, positionOffset, normFirst: Boolean(NORM_FIRST) })]])
}

async function raggedAttention({ params, parts }: CapturedOp, read: Read, readU32: ReadU32): Promise<OpResult> {
  const { heads = 1, scale = 1 } = params
  const headDim = parts.out!.tensor.shape[1]! / heads
  const columns = async (name: 'q' | 'k' | 'v') => ({
    values: await read(name),
    stride: params[`${name}_stride`]!,
    column: params[`${name}_column`]!,
  })
  // Tiles of one sequence have the same keys, and follow each other.
  const [queryLengths, keyLengths]: [number[], number[]] = [[], []]
  const tiles = await readU32('tiles')
  let keysBegin = -1
  for (let i = 0; i < tiles.length; i += 4) {
    const [query, queryEnd, key, keyEnd] = tiles.subarray(i, i + 4) as unknown as [number, number, number, number]
    if (key !== keysBegin || keyEnd === key) {
      queryLengths.push(0)
      keyLengths.push(keyEnd - key)
      keysBegin = key
    }
    queryLengths[queryLengths.length - 1]! += queryEnd - query
  }
  const qkv = [await columns('q'), await columns('k'), await columns('v')] as const
  return new Map([['out', attention(qkv, queryLengths, keyLengths, { heads, headDim, scale })]])
}

async function selfAttention({ params, parts, grid }: CapturedOp, read: Read, readU32: ReadU32): Promise<OpResult> {
  const newRows = params.new_rows!
  const [, maxPositions, d] = parts.keys!.tensor.shape as [number, number, number]
  const qkv = await read('qkv')
  const table = await readU32('slots')
  const lengths = await readU32('lengths')
  const sequences = Math.min(lengths.length, grid[2])
  const shape = { newRows, heads: grid[0], d, maxPositions }
  const of = { lengths: lengths.subarray(0, sequences), table: table.subarray(0, sequences * params.columns!) }
  return new Map([['out', cachedAttention(qkv, await read('keys'), await read('values'), of, shape)]])
}

async function sourceAttention({ params, parts, grid }: CapturedOp, read: Read, readU32: ReadU32): Promise<OpResult> {
  const { new_rows: newRows = 1, sources = 1, d = 0 } = params
  const [, heads, slotRows] = parts.kv!.tensor.shape as [number, number, number]
  const q = (await read('q')).subarray(0, grid[2] * sources * d)
  const shape = { sources, newRows, heads, d, slotRows }
  const slots = [...(await readU32('slots'))]
  return new Map([['out', crossAttention(q, await read('kv'), await readU32('ranges'), slots, shape)]])
}
