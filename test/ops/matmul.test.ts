import * as assert from 'uvu/assert'
import { ShapeError } from '../../src/errors.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import { Recorder } from '../../src/gpu/recorder.js'
import { rowParts, type WeightDtype } from '../../src/gpu/tensor.js'
import { writeWeights } from '../../src/gpu/weight-format.js'
import type { LayerNormOptions } from '../../src/ops/layer-norm.js'
import { type Activation, matmul, matmulOp, matmulVariants } from '../../src/ops/matmul.js'
import { cachedWindow } from '../../src/validate/twins/cached-window.js'
import { layerNorm } from '../../src/validate/twins/layer-norm.js'
import * as reference from '../../src/validate/twins/matmul.js'
import {
  assertClose,
  firstGpuSuite,
  gpuSuite,
  randomMatrix,
  randomTensor,
  randomValues,
  runOnce,
  seededRandom,
  withVariant,
} from '../gpu.js'

interface Case {
  readonly shape: readonly [rows: number, k: number, n: number]
  /** Rows of the bias: 0 for none. */
  readonly groups?: number
  readonly residual?: boolean
  readonly norm?: boolean | LayerNormOptions
  readonly activation?: Activation
  /** Of the weight. */
  readonly dtype?: WeightDtype
  /** As the adapter's products like it best, which is the default, or row after row. */
  readonly make?: 'matrix' | 'tensor'
}

/** Runs one case with each kernel that the device has for it; k that is no multiple of 4 leaves no choice. */
async function check(gpu: Gpu, one: Case): Promise<void> {
  const [rows, k] = one.shape
  if (k % 4 !== 0) return checkOnce(gpu, one)
  const group = one.make === 'tensor' || gpu.adapter.subgroupSize !== 8 ? undefined : 8
  await eachVariant(gpu, { rows, k, dtype: one.dtype, group }, () => checkOnce(gpu, one))
}

/** Runs one case, in tensors with a row more than is computed, and compares with the twin. */
async function checkOnce(
  gpu: Gpu,
  { shape, groups = 0, residual: withResidual, norm: withNorm, activation, dtype, make }: Case,
): Promise<void> {
  const [rows, k, n] = shape
  const x = randomTensor(gpu, 'x', [rows + 1, k], 1)
  gpu.write(x.tensor, new Float32Array(k).fill(Number.NaN), rows * k)
  const weight = randomMatrix(gpu, 'weight', [n, k], 2, dtype, make)
  // Rows of biases are the middle columns of wider ones.
  const bias = groups > 0 ? randomTensor(gpu, 'bias', groups > 1 ? [groups, n + 8] : [n], 3) : undefined
  const biasColumn = 5
  const residual = withResidual ? randomTensor(gpu, 'residual', [rows + 1, n], 4) : undefined
  const out = randomTensor(gpu, 'out', [rows + 1, n], 5)
  const normWeight = randomTensor(gpu, 'norm.weight', [k], 6)
  const normBias = randomTensor(gpu, 'norm.bias', [k], 7)
  const normed = randomTensor(gpu, 'normed', [rows + 1, k], 8)
  const { eps = 1e-5, by }: LayerNormOptions = typeof withNorm === 'object' ? withNorm : {}
  const tensors = {
    x: x.tensor,
    ...(withNorm && {
      norm: { weight: normWeight.tensor, bias: normBias.tensor, out: normed.tensor, eps, ...(by && { by }) },
    }),
    weight: weight.tensor,
    bias: bias?.tensor,
    ...(groups > 1 && { biasOf: { rows: rows / groups, column: biasColumn } }),
    residual: residual?.tensor,
    out: out.tensor,
  }
  await runOnce(gpu, (recorder) => matmul(recorder, tensors, rows, activation))
  const values = {
    x: x.values as ArrayLike<number>,
    weight: weight.values,
    bias:
      groups > 1
        ? bias?.values.filter((_, i) => i % (n + 8) >= biasColumn && i % (n + 8) < biasColumn + n)
        : bias?.values,
    residual: residual?.values,
  }
  if (withNorm) {
    values.x = layerNorm(x.values, undefined, normWeight.values, normBias.values, rows, eps, by)
    const kept = [...Array.from(values.x), ...normed.values.subarray(rows * k)]
    assertClose(await gpu.readF32(normed.tensor), kept, 1e-5)
  }
  const expected = [...reference.matmul(values, shape, activation), ...out.values.subarray(rows * n)]
  assertClose(await gpu.readF32(out.tensor), expected, 2e-6 * Math.sqrt(k) + 2e-6)
  for (const it of [x, weight, bias, residual, out, normWeight, normBias, normed]) if (it) gpu.free(it.tensor)
}

/** A product of windows: of a sequence each row, in slots that a row table of two columns names. */
async function checkWindow(
  gpu: Gpu,
  shape: readonly [rows: number, k: number, n: number],
  length: number,
  dtype: WeightDtype,
  norm: LayerNormOptions | undefined,
): Promise<void> {
  const [rows, k, n] = shape
  const d = k / 3
  const slots = Uint32Array.from({ length: 2 * rows }, (_, i) => (i * 5) % (2 * rows))
  const work = async () => {
    const x = randomTensor(gpu, 'x', [rows, d], 1)
    const weight = randomMatrix(gpu, 'weight', [n, k], 2, dtype)
    const [scale, shift] = [randomTensor(gpu, 'scale', [d], 3), randomTensor(gpu, 'shift', [d], 4)]
    const last = randomTensor(gpu, 'last', [2 * rows, 3, d], 5)
    const window = {
      ...{ last: last.tensor, sequences: rows, newRows: 1, out: gpu.tensor('windows', [rows, k]) },
      lengths: gpu.tensorFrom('lengths', [rows], new Uint32Array(rows).fill(length)),
      table: gpu.tensorFrom('table', [rows, 2], slots),
    }
    const normed = gpu.tensor('normed', [rows, d])
    const affine = { weight: scale.tensor, bias: shift.tensor }
    const out = gpu.tensor('out', [rows, n])
    const tensors = {
      ...{ x: x.tensor, weight: weight.tensor, window, out },
      ...(norm && { norm: { ...affine, ...norm, out: normed } }),
    }
    await runOnce(gpu, (recorder) => matmul(recorder, tensors, rows, 'relu'))
    const { eps = 1e-5, by = 'variance' } = norm ?? {}
    const taken = norm ? layerNorm(x.values, undefined, scale.values, shift.values, rows, eps, by) : x.values
    const rowOf = (row: number) => Array.from(taken.subarray(row * d, (row + 1) * d))
    const windows = Array.from({ length: rows }, (_, row) =>
      cachedWindow(rowOf(row), last.values, length, slots.subarray(2 * row, 2 * row + 2)),
    )
    const values = { x: windows.flatMap((it) => [...it]), weight: weight.values }
    assertClose(await gpu.readF32(out), reference.matmul(values, shape, 'relu'), 2e-6 * Math.sqrt(k) + 2e-6)
    // The new row is kept, and no other changed.
    const kept = Float64Array.from(last.values)
    for (let row = 0; row < rows; row++) {
      kept.set(rowOf(row), (slots[2 * row + Math.min(length, 1)]! * 3 + (length % 3)) * d)
    }
    assertClose(await gpu.readF32(last.tensor), kept, 1e-5)
    gpu.free(
      x.tensor,
      weight.tensor,
      scale.tensor,
      shift.tensor,
      normed,
      out,
      window.last,
      window.out,
      window.lengths,
      window.table,
    )
  }
  if (k % 4 !== 0) await work()
  else await eachVariant(gpu, { rows, k, dtype, group: gpu.adapter.subgroupSize === 8 ? 8 : undefined }, work)
}

/** Does the work with each kernel that the device can run for so many rows and columns in. */
async function eachVariant(
  gpu: Gpu,
  {
    rows,
    k,
    dtype = 'f32',
    group,
  }: { rows: number; k: number; dtype?: WeightDtype | undefined; group?: number | undefined },
  work: () => Promise<void>,
): Promise<void> {
  const candidates = matmulVariants(gpu, { rows, k, dtype, ...(group && { group }) })
  for (const name of candidates) await withVariant(gpu, matmulOp(rows), name, candidates, work)
}

/** Whole and ragged, of few rows and of many; k that is no multiple of 4 takes the kernel for any k. */
const shapes = [
  [1, 1, 1],
  [5, 61, 60],
  [40, 7, 301],
  [1, 4, 8],
  [1, 60, 100],
  [1, 300, 41],
  [1, 150, 70],
  [1, 48, 33],
  [1, 64, 50],
  [1, 512, 70],
  [2, 4, 40001],
  [2, 100, 60],
  [8, 512, 33],
  [16, 36, 70],
  [17, 60, 129],
  [70, 132, 65],
] as const

/** Of these, one for each way in which a kernel of packed formats, or without subgroups, meets an edge. */
const edges = [
  [1, 4, 8],
  [1, 60, 100],
  [1, 512, 70],
  [2, 100, 60],
  [8, 512, 33],
  [17, 60, 129],
  [70, 132, 65],
] as const

// Every kernel ends in the same epilogue: two combinations for each kernel, and all for the one that compiles fastest.
const epilogues: Omit<Case, 'shape'>[] = [
  { groups: 2, activation: 'gelu' },
  { groups: 3, residual: true, activation: 'tanh' },
]

gpuSuite('matmul', (test) => {
  test('shapes', async (gpu) => {
    for (const shape of shapes) await check(gpu, { shape })
    for (const shape of edges) await check(gpu, { shape, make: 'tensor' })
  })

  test('random shapes', async (gpu) => {
    const random = seededRandom(7)
    const upTo = (limit: number) => 1 + Math.floor(random() * limit)
    for (let i = 0; i < 8; i++) await check(gpu, { shape: [upTo(40), 4 * upTo(40), upTo(150)] })
  })

  test('of a row that is normed first', async (gpu) => {
    for (const [dtype, shape] of [
      ['f32', [1, 48, 133]],
      ['f32', [1, 512, 530]],
      ['f32', [18, 36, 50]],
      ['f16', [1, 64, 50]],
      ['int8', [1, 64, 133]],
    ] as const) {
      await check(gpu, { shape, dtype, norm: true, groups: 1, activation: 'gelu' })
    }
    // Rows of 300 f16 end within 128 bits.
    for (const shape of [
      [1, 300, 50],
      [3, 36, 50],
    ] as const) {
      await check(gpu, { shape, dtype: 'f16', norm: { eps: 1e-6, by: 'sample deviation' } })
    }
  })

  test('of rows and the two before each, which are normed first or not', async (gpu) => {
    const by = { eps: 1e-6, by: 'sample deviation' } as const
    for (const [length, shape, dtype, norm] of [
      [0, [1, 156, 50], 'f32', undefined],
      [1, [1, 156, 50], 'int8', by],
      [2, [1, 900, 50], 'f16', by],
      [7, [1, 156, 300], 'f16', undefined],
      [4, [1, 12, 9], 'f32', {}],
      [3, [1, 150, 30], 'f32', by],
      [5, [3, 36, 20], 'f32', by],
    ] as const) {
      await checkWindow(gpu, shape, length, dtype, norm)
    }
  })

  for (const dtype of ['f16', 'int8'] as const) {
    test(`weights in ${dtype}`, async (gpu) => {
      for (const shape of edges) await check(gpu, { shape, dtype })
      await check(gpu, { shape: [1, 64, 37], dtype, make: 'tensor' })
      await check(gpu, { shape: [24, 20, 37], groups: 3, residual: true, activation: 'tanh', dtype })
    })
  }

  test('epilogues', async (gpu) => {
    for (const epilogue of epilogues) {
      await check(gpu, { shape: [24, 20, 37], ...epilogue })
      await check(gpu, { shape: [6, 64, 37], ...epilogue })
      await check(gpu, { shape: [1, 64, 37], ...epilogue, groups: 1 })
    }
  })

  test('every epilogue', async (gpu) => {
    for (const groups of [0, 1, 3]) {
      for (const residual of [false, true]) {
        for (const activation of [undefined, 'gelu', 'relu', 'tanh', 'gelu-tanh'] as const) {
          await check(gpu, { shape: [6, 9, 37], groups, residual, activation })
        }
      }
    }
  })

  test('each row is what it is alone', async (gpu) => {
    const [rows, k, n] = [19, 512, 40]
    const x = randomTensor(gpu, 'x', [rows, k], 1)
    const weight = randomMatrix(gpu, 'weight', [n, k], 2)
    const product = async (count: number) => {
      const out = gpu.tensor('out', [rows, n])
      await runOnce(gpu, (recorder) => matmul(recorder, { x: x.tensor, weight: weight.tensor, out }, count))
      return (await gpu.readF32(out)).subarray(0, n)
    }
    await eachVariant(gpu, { rows, k }, async () => {
      const together = await product(rows)
      await eachVariant(gpu, { rows: 1, k }, async () => assertClose(await product(1), together, 2e-5))
    })
  })

  test('activations far out and near zero', async (gpu) => {
    const points = [-100, -12, -6, -3, -1, -1e-3, 0, 1e-3, 0.5, 1, 2, 4, 8, 90]
    const one = gpu.tensorFrom('one', [1, 1], Float32Array.of(1))
    const weight = gpu.tensorFrom('points', [points.length, 1], Float32Array.from(points))
    const out = gpu.tensor('out', [1, points.length])
    for (const activation of ['gelu', 'relu', 'tanh', 'gelu-tanh'] as const) {
      await runOnce(gpu, (recorder) => matmul(recorder, { x: one, weight, out }, 1, activation))
      const expected = reference.matmul({ x: [1], weight: points }, [1, 1, points.length], activation)
      assertClose(await gpu.readF32(out), expected, 3e-7, 3e-7)
    }
  })

  test('wrong shapes are named', (gpu) => {
    const recorder = new Recorder(gpu)
    const x = gpu.tensor('x', [2, 4])
    const weight = gpu.tensor('weight', [3, 4])
    const out = gpu.tensor('out', [2, 3])
    const fails = (tensors: object, rows: number, words: RegExp) =>
      assert.throws(
        () => matmul(recorder, { x, weight, out, ...tensors }, rows),
        (error: Error) => error instanceof ShapeError && words.test(error.message),
      )
    fails({ x: gpu.tensor('thin', [2, 5]) }, 2, /thin must be f32 \[rows, 4\], got f32 \[2, 5\]/)
    fails({}, 3, /x has 2 rows, fewer than 3/)
    fails({ bias: gpu.tensor('bias', [4]) }, 2, /bias must be f32 \[3\]/)
    fails({ bias: gpu.tensor('bias', [1, 3]), biasOf: { rows: 1, column: 0 } }, 2, /bias has 1 rows, fewer than 2/)
  })
})

gpuSuite(
  'matmul without subgroups',
  (test) => {
    test('shapes', async (gpu) => {
      for (const shape of [...shapes.slice(0, 3), ...edges]) await check(gpu, { shape })
    })
  },
  { without: ['subgroups'] },
)

// As on hardware: a workgroup for each part of the work.
gpuSuite(
  'matmul by the grid',
  (test) => {
    test('shapes', async (gpu) => {
      for (const shape of shapes.slice(-3)) await check(gpu, { shape })
      await check(gpu, { shape: [1, 64, 133], norm: true })
    })
  },
  { parts: 'grid' },
)

// Rows of 512 in f32 come 64 to a binding, in int8 256.
gpuSuite(
  'matmul by a weight in parts',
  (test) => {
    for (const dtype of ['f32', 'f16', 'int8'] as const) {
      test(`of ${dtype}`, async (gpu) => {
        const weight = gpu.matrix('weight', [530, 512], dtype)
        assert.ok(weight.partRows! <= 256)
        gpu.free(weight)
        for (const rows of [1, 5, 40]) await check(gpu, { shape: [rows, 512, 530], dtype })
      })
    }

    // Where a part's biases and residuals begin is the same for every format.
    test('with epilogues', async (gpu) => {
      await check(gpu, { shape: [1, 512, 530], groups: 1, residual: true, norm: true, activation: 'gelu' })
      await check(gpu, { shape: [6, 512, 513], groups: 3, residual: true })
      await check(gpu, { shape: [40, 512, 530], groups: 2, residual: true, activation: 'tanh' })
    })

    test('of odd widths', async (gpu) => {
      for (const rows of [1, 5, 40]) await check(gpu, { shape: [rows, 261, 301], groups: 1, residual: true })
      await check(gpu, { shape: [5, 260, 321], groups: 1, residual: true })
    })
  },
  { maxBindingBytes: 2 ** 17 },
)

firstGpuSuite('matmul by the embedding of BART-large', (test) => {
  test('reads every part', async (gpu) => {
    const [n, k] = [50270, 1024]
    const weight = gpu.matrix('weight', [n, k])
    const parts = rowParts(weight)
    assert.is(parts.length > 1, gpu.limits.maxStorageBufferBindingSize < n * k * 4)
    const x = randomTensor(gpu, 'x', [1, k], 1)
    const out = gpu.tensor('out', [1, n])
    // Some rows at each end of each part; the rest is zeros.
    const expected = new Float64Array(n)
    for (const { first, rows } of parts) {
      for (const [start, end] of [
        [first, first + 8],
        [Math.floor((first + rows - 1) / 8) * 8, first + rows],
      ] as const) {
        const values = randomValues((end - start) * k, start + 2)
        writeWeights(gpu, weight, values, start * k)
        expected.set(reference.matmul({ x: x.values, weight: values }, [1, k, end - start]), start)
      }
    }
    await runOnce(gpu, (recorder) => matmul(recorder, { x: x.tensor, weight, out }, 1))
    assertClose(await gpu.readF32(out), expected, 1e-4)
    gpu.free(weight, x.tensor, out)
  })
})
