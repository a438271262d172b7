import * as assert from 'uvu/assert'
import { ShapeError } from '../../src/errors.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import { Recorder } from '../../src/gpu/recorder.js'
import type { WeightDtype } from '../../src/gpu/tensor.js'
import { chosenMatmul } from '../../src/ops/chosen-matmul.js'
import type { Activation } from '../../src/ops/matmul.js'
import { matmul } from '../../src/validate/twins/matmul.js'
import { randomChoices } from '../choices.js'
import { assertClose, gpuSuite, randomMatrix, randomTensor, runOnce, seededRandom } from '../gpu.js'

interface Case {
  readonly shape: readonly [sequences: number, newRows: number, places: number, k: number, n: number]
  readonly layers?: number
  readonly parts?: number
  /** Whether x, and the residual, have a row for each place. */
  readonly each?: boolean
  readonly bias?: boolean
  readonly residual?: 'shared' | 'each'
  readonly activation?: Activation
  readonly dtype?: WeightDtype
}

/** Each place of each row by the twin of the plain product, with its own layer. */
async function check(gpu: Gpu, one: Case): Promise<void> {
  const { shape, layers = 5, parts = 1, each = false, activation, dtype } = one
  const [sequences, newRows, places, k, n] = shape
  const rows = sequences * newRows
  const { choices, of } = randomChoices(gpu, { sequences, newRows, places, layers })
  const x = randomTensor(gpu, 'x', [rows + 1, each ? places * k : k], 1)
  const weight = randomMatrix(gpu, 'weight', [layers * n, k], 2, dtype)
  const bias = one.bias ? randomTensor(gpu, 'bias', [layers * n], 3) : undefined
  const wide = one.residual === 'each'
  const residual = one.residual && randomTensor(gpu, 'residual', [rows + 1, wide ? places * n : n], 4)
  const out = randomTensor(gpu, 'out', [rows + 1, places * n], 5)
  const tensors = {
    x: x.tensor,
    weight: weight.tensor,
    bias: bias?.tensor,
    residual: residual?.tensor,
    out: out.tensor,
  }
  const options = { layers, parts, activation }
  await runOnce(gpu, (recorder) => chosenMatmul(recorder, tensors, choices, rows, options))
  const expected = Float64Array.from(out.values)
  const width = n / parts
  for (let i = 0; i < rows * places; i++) {
    const [row, place] = [Math.floor(i / places), i % places]
    const { layer, share } = of(row, place)
    if (share === 0) continue
    const cut = (values: Float32Array | undefined, at: number, size: number) =>
      values?.subarray(at * size, (at + 1) * size)
    const product = matmul(
      {
        x: cut(x.values, each ? i : row, k)!,
        weight: cut(weight.values, layer, n * k)!,
        bias: cut(bias?.values, layer, n),
        residual: cut(residual?.values, wide ? i : row, n),
      },
      [1, k, n],
      activation,
    )
    product.forEach((value, c) => {
      expected[((row * parts + Math.floor(c / width)) * places + place) * width + (c % width)] = value
    })
  }
  assertClose(await gpu.readF32(out.tensor), expected, 2e-6 * Math.sqrt(k) + 2e-6)
  for (const it of [x, weight, bias, residual, out]) if (it) gpu.free(it.tensor)
}

gpuSuite('chosen-matmul', (test) => {
  test('shapes, whole and ragged', async (gpu) => {
    await check(gpu, { shape: [1, 1, 1, 1, 1], layers: 1 })
    await check(gpu, { shape: [1, 1, 6, 300, 120], parts: 3, layers: 9 })
    await check(gpu, { shape: [2, 3, 4, 67, 51], each: true, bias: true, residual: 'each', activation: 'relu' })
    await check(gpu, { shape: [3, 1, 2, 40, 300], each: true, residual: 'shared' })
    await check(gpu, { shape: [1, 70, 3, 36, 30], parts: 2 })
    await check(gpu, { shape: [2, 2, 3, 9, 66], parts: 2, bias: true })
  })

  test('random shapes', async (gpu) => {
    const random = seededRandom(5)
    const upTo = (limit: number) => 1 + Math.floor(random() * limit)
    for (let i = 0; i < 8; i++) {
      const parts = upTo(3)
      const shape = [upTo(3), upTo(4), upTo(6), (i % 2 === 0 ? 4 : 1) * upTo(50), parts * upTo(60)] as const
      await check(gpu, { shape, parts, each: i % 3 === 0, bias: true, residual: 'shared', activation: 'relu' })
    }
  })

  for (const dtype of ['f16', 'int8'] as const) {
    test(`weights in ${dtype}`, async (gpu) => {
      await check(gpu, { shape: [2, 1, 6, 300, 120], parts: 3, dtype })
      await check(gpu, {
        shape: [1, 3, 4, 36, 50],
        each: true,
        bias: true,
        residual: 'each',
        activation: 'relu',
        dtype,
      })
    })
  }

  test('wrong shapes are named', (gpu) => {
    const { choices } = randomChoices(gpu, { sequences: 1, newRows: 1, places: 3, layers: 2 })
    const tensors = {
      x: gpu.tensor('x', [1, 8]),
      weight: gpu.tensor('weight', [10, 8]),
      out: gpu.tensor('out', [1, 15]),
    }
    const fails = (parts: object, options: { layers: number; parts?: number }, words: RegExp) =>
      assert.throws(
        () => chosenMatmul(new Recorder(gpu), { ...tensors, ...parts }, choices, 1, options),
        (error: Error) => error instanceof ShapeError && words.test(error.message),
      )
    fails({}, { layers: 3 }, /weight has 10 rows: not 3 layers of 1 parts each/)
    fails({}, { layers: 2, parts: 2 }, /weight has 10 rows: not 2 layers of 2 parts each/)
    fails({ x: gpu.tensor('wide', [1, 16]) }, { layers: 2 }, /wide has 16 columns, neither 8 nor 3 · 8/)
    fails({ out: gpu.tensor('short', [1, 10]) }, { layers: 2 }, /short must be/)
  })
})
