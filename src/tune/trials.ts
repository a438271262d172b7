import type { Gpu } from '../gpu/gpu.js'
import type { Recorder } from '../gpu/recorder.js'
import type { ShapeClass } from '../gpu/shape-class.js'
import { dtypeBytes, sizeOf, type Tensor, type WeightDtype } from '../gpu/tensor.js'
import { writeWeights } from '../gpu/weight-format.js'
import { attention, attentionTileRows, attentionTiles } from '../ops/attention.js'
import { cachedAttention } from '../ops/cached-attention.js'
import { crossAttention } from '../ops/cross-attention.js'
import { matmul } from '../ops/matmul.js'
import { randomValues } from '../random-values.js'

/** An op on random data of a class's sizes. */
export interface Trial {
  /** Ops in one recording of {@link record}. */
  readonly turns: number
  /** Records the op `turns` times, with whatever kernel the device chooses. */
  record(recorder: Recorder): void
  /** The result of the last turn. */
  readonly out: Tensor
  /** Everything to be freed. */
  readonly tensors: readonly Tensor[]
}

/** By op: what a class of it stands for. An op that is not here keeps its guess. */
export const trials: Readonly<Record<string, (gpu: Gpu, shape: ShapeClass) => Trial>> = {
  gemv: product,
  gemm: product,
  attention: encoderAttention,
  'cached-attention': selfAttention,
  'cross-attention': sourceAttention,
}

/** Times that attention runs in a recording: it is short. */
const attentionTurns = 4
/** Keys that a decoder attends to: half a reply, a context of some length. */
const keyRows = 128

/**
 * A decode step reads every weight once, so that none is found in a cache: the products take turns with copies of the
 * weight, as many as make a model.
 */
function product(gpu: Gpu, { op, dtype, rows, k, n }: ShapeClass): Trial {
  const bytes = dtypeBytes[dtype] * n * k
  const [model, most] = gpu.adapter.software ? [2 ** 24, 4] : [2 ** 26, 16]
  const turns = op === 'gemm' ? 1 : Math.min(most, Math.max(1, Math.floor(model / bytes)))
  const weights = Array.from({ length: turns }, () => gpu.matrix('trial', [n, k], dtype as WeightDtype))
  writeWeights(gpu, weights.at(-1)!, randomValues(1, n * k))
  const [x, bias, out] = [random(gpu, [rows, k]), random(gpu, [n]), gpu.tensor('trial', [rows, n])]
  return {
    turns,
    record(recorder) {
      for (const weight of weights) matmul(recorder, { x, weight, bias, out }, rows)
    },
    out,
    tensors: [...weights, x, bias, out],
  }
}

/** Self-attention of one sequence. */
function encoderAttention(gpu: Gpu, { rows, k: headDim, n: heads }: ShapeClass): Trial {
  const d = heads * headDim
  const [queries, keyValues, out] = [random(gpu, [rows, d]), random(gpu, [rows, 2 * d]), gpu.tensor('trial', [rows, d])]
  const tileData = attentionTiles([rows], [rows])
  const tiles = gpu.tensorFrom('trial', [Math.ceil(rows / attentionTileRows), 4], tileData)
  const columns = {
    q: { tensor: queries, column: 0 },
    k: { tensor: keyValues, column: 0 },
    v: { tensor: keyValues, column: d },
  }
  const options = { heads, headDim, scale: 1 / Math.sqrt(headDim) }
  return {
    turns: attentionTurns,
    record(recorder) {
      for (let i = 0; i < attentionTurns; i++) attention(recorder, { ...columns, tiles, out }, options)
    },
    out,
    tensors: [queries, keyValues, tiles, out],
  }
}

/** A step of `rows` replies. */
function selfAttention(gpu: Gpu, { rows, k: head, n: heads }: ShapeClass): Trial {
  const d = heads * head
  const qkv = random(gpu, [rows, 3 * d])
  const [keys, values] = [random(gpu, [rows, keyRows, d]), random(gpu, [rows, keyRows, d])]
  const lengths = gpu.tensorFrom('trial', [rows], new Uint32Array(rows).fill(keyRows / 2))
  const out = gpu.tensor('trial', [rows, d])
  const tensors = { qkv, keys, values, lengths, out }
  return {
    turns: attentionTurns,
    record(recorder) {
      for (let i = 0; i < attentionTurns; i++) cachedAttention(recorder, tensors, { slots: rows, newRows: 1, heads })
    },
    out,
    tensors: Object.values(tensors),
  }
}

/** A step of `rows` replies to the same dialogue: a context, and a few blocks for the other two sources. */
function sourceAttention(gpu: Gpu, { rows, k: head, n: heads }: ShapeClass): Trial {
  const d = heads * head
  const kv = random(gpu, [rows, heads, keyRows + 50, 2 * head])
  const [q, out] = [random(gpu, [rows, 3 * d]), gpu.tensor('trial', [rows, 3 * d])]
  const rangesOfRow = [0, keyRows, keyRows, keyRows + 30, keyRows + 30, keyRows + 50]
  const rangeData = Uint32Array.from(Array.from({ length: rows }, () => rangesOfRow).flat())
  const ranges = gpu.tensorFrom('trial', [rows, 3, 2], rangeData)
  const sizes = { slots: rows, newRows: 1, heads }
  return {
    turns: attentionTurns,
    record(recorder) {
      for (let i = 0; i < attentionTurns; i++) crossAttention(recorder, { q, kv, ranges, out }, sizes)
    },
    out,
    tensors: [kv, q, ranges, out],
  }
}

/** Values in (-1, 1), the same at every call. */
function random(gpu: Gpu, shape: readonly number[]): Tensor {
  return gpu.tensorFrom('trial', shape, randomValues(1, sizeOf(shape)))
}
