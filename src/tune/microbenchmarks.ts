import type { Gpu } from '../gpu/gpu.js'
import type { Recorder } from '../gpu/recorder.js'
import type { ShapeClass } from '../gpu/shape-class.js'
import { dtypeBytes, sizeOf, type Tensor, type WeightDtype } from '../gpu/tensor.js'
import { writeWeights } from '../gpu/weight-format.js'
import { attention, attentionTileRows, attentionTiles } from '../ops/attention.js'
import { cachedAttention } from '../ops/cached-attention.js'
import { crossAttention } from '../ops/cross-attention.js'
import { matmul } from '../ops/matmul.js'
import { randomSource } from '../random-values.js'

/** An op on random data of a class's sizes, once {@link fillInputs} is done. */
export interface Microbenchmark {
  /** Ops in one recording of {@link record}. */
  readonly repetitions: number
  /** Records the op `repetitions` times, with whatever kernel the device chooses. */
  record(recorder: Recorder): void
  /** The result of the last turn. */
  readonly out: Tensor
  /** Everything to be freed. */
  readonly tensors: readonly Tensor[]
  /** Those to be filled by {@link fillInputs}; the rest have their values. */
  readonly inputs: readonly Tensor[]
}

/** Random numbers made at once: a few milliseconds. */
const mostAtOnce = 2 ** 18

/** Work that fills the inputs with values in (-1, 1), the same in each of them, in pieces none of which takes long. */
export function* fillInputs(gpu: Gpu, { inputs }: Microbenchmark): Generator<() => Promise<void>, void> {
  for (const tensor of inputs) {
    const source = randomSource(1)
    const width = sizeOf(tensor.shape.slice(1))
    const group = tensor.group ?? 1
    const rowsAtOnce = group * Math.max(1, Math.floor(mostAtOnce / width / group))
    for (let row = 0; row < tensor.shape[0]!; row += rowsAtOnce) {
      const rows = Math.min(rowsAtOnce, tensor.shape[0]! - row)
      yield async () => {
        writeWeights(gpu, tensor, source(rows * width), row * width)
        await gpu.idle()
      }
    }
  }
}

/** By op: what a class of it stands for. An op that is not here keeps its guess. */
export const microbenchmarks: Readonly<Record<string, (gpu: Gpu, shape: ShapeClass) => Microbenchmark>> = {
  gemv: product,
  gemm: product,
  attention: encoderAttention,
  'cached-attention': selfAttention,
  'cross-attention': sourceAttention,
}

/** Times that attention runs in a recording: it is short. */
const attentionRepetitions = 4
/** Keys that a decoder attends to: half a reply, a context of some length. */
const keyRows = 128

/**
 * A decode step reads every weight once, so that none is found in a cache: the products take turns with copies of the
 * weight, as many as make a model.
 */
function product(gpu: Gpu, { op, dtype, rows, k, n }: ShapeClass): Microbenchmark {
  const bytes = dtypeBytes[dtype] * n * k
  const [model, most] = gpu.adapter.software ? [2 ** 24, 4] : [2 ** 26, 16]
  const repetitions = op === 'gemm' ? 1 : Math.min(most, Math.max(1, Math.floor(model / bytes)))
  const weights = Array.from({ length: repetitions }, () => gpu.matrix('tuner', [n, k], dtype as WeightDtype))
  const [x, bias, out] = [gpu.tensor('tuner', [rows, k]), gpu.tensor('tuner', [n]), gpu.tensor('tuner', [rows, n])]
  return {
    repetitions,
    record(recorder) {
      for (const weight of weights) matmul(recorder, { x, weight, bias, out }, rows)
    },
    out,
    tensors: [...weights, x, bias, out],
    inputs: [weights.at(-1)!, x, bias],
  }
}

/** Self-attention of one sequence. */
function encoderAttention(gpu: Gpu, { rows, k: headDim, n: heads }: ShapeClass): Microbenchmark {
  const d = heads * headDim
  const tensor = (columns: number) => gpu.tensor('tuner', [rows, columns])
  const [queries, keyValues, out] = [tensor(d), tensor(2 * d), tensor(d)]
  const tileData = attentionTiles([rows], [rows])
  const tiles = gpu.tensorFrom('tuner', [Math.ceil(rows / attentionTileRows), 4], tileData)
  const columns = {
    q: { tensor: queries, column: 0 },
    k: { tensor: keyValues, column: 0 },
    v: { tensor: keyValues, column: d },
  }
  const options = { heads, headDim, scale: 1 / Math.sqrt(headDim) }
  return {
    repetitions: attentionRepetitions,
    record(recorder) {
      for (let i = 0; i < attentionRepetitions; i++) attention(recorder, { ...columns, tiles, out }, options)
    },
    out,
    tensors: [queries, keyValues, tiles, out],
    inputs: [queries, keyValues],
  }
}

/** A step of `rows` replies. */
function selfAttention(gpu: Gpu, { rows, k: head, n: heads }: ShapeClass): Microbenchmark {
  const d = heads * head
  const qkv = gpu.tensor('tuner', [rows, 3 * d])
  const [keys, values] = [gpu.tensor('tuner', [rows, keyRows, d]), gpu.tensor('tuner', [rows, keyRows, d])]
  const lengths = gpu.tensorFrom('tuner', [rows], new Uint32Array(rows).fill(keyRows / 2))
  const out = gpu.tensor('tuner', [rows, d])
  const tensors = { qkv, keys, values, lengths, table: ownSlots(gpu, rows), out }
  return {
    repetitions: attentionRepetitions,
    record(recorder) {
      for (let i = 0; i < attentionRepetitions; i++)
        cachedAttention(recorder, tensors, { sequences: rows, newRows: 1, heads })
    },
    out,
    tensors: Object.values(tensors),
    inputs: [qkv, keys, values],
  }
}

/** A step of `rows` replies to the same dialogue: a context, and a few blocks for the other two sources. */
function sourceAttention(gpu: Gpu, { rows, k: head, n: heads }: ShapeClass): Microbenchmark {
  const d = heads * head
  const kv = gpu.tensor('tuner', [rows, heads, keyRows + 50, 2 * head])
  const [q, out] = [gpu.tensor('tuner', [rows, 3 * d]), gpu.tensor('tuner', [rows, 3 * d])]
  const rangesOfRow = [0, keyRows, keyRows, keyRows + 30, keyRows + 30, keyRows + 50]
  const rangeData = Uint32Array.from(Array.from({ length: rows }, () => rangesOfRow).flat())
  const ranges = gpu.tensorFrom('tuner', [rows, 3, 2], rangeData)
  const slots = ownSlots(gpu, rows)
  const sizes = { sequences: rows, newRows: 1, heads }
  return {
    repetitions: attentionRepetitions,
    record(recorder) {
      for (let i = 0; i < attentionRepetitions; i++) crossAttention(recorder, { q, kv, ranges, slots, out }, sizes)
    },
    out,
    tensors: [kv, q, ranges, slots, out],
    inputs: [kv, q],
  }
}

/** The row table of sequences each of which has the slot of its number. */
function ownSlots(gpu: Gpu, rows: number): Tensor {
  return gpu.tensorFrom('tuner', [rows], Uint32Array.from(Array(rows).keys()))
}
