import * as assert from 'uvu/assert'
import { GpuError, InputError } from '../../src/errors.js'
import { writeWeights } from '../../src/gpu/weight-format.js'
import { f32ToF16 } from '../../src/io/half.js'
import { quantizeRows } from '../../src/io/quantize.js'
import { readRows } from '../../src/validate/read-weights.js'
import { gpuSuite, randomValues } from '../gpu.js'

gpuSuite('gpu/weight-format', (test) => {
  test('values arrive in the tensor’s format, from any row on', async (gpu) => {
    const [rows, columns] = [5, 8]
    const values = randomValues(rows * columns)
    const halves = new Uint16Array(values.length)
    f32ToF16(values, halves)
    const integers = new Int8Array(values.length)
    const scales = new Float32Array(rows)
    quantizeRows(values, columns, integers, scales)
    const expected = { f32: values.buffer, f16: halves.buffer, int8: integers.buffer }
    for (const dtype of ['f32', 'f16', 'int8'] as const) {
      const before = gpu.allocatedBytes
      const tensor = gpu.tensor('weight', [rows, columns], dtype)
      writeWeights(gpu, tensor, values.subarray(2 * columns), 2 * columns)
      writeWeights(gpu, tensor, values.subarray(0, 2 * columns))
      assert.equal(await readRows(gpu, tensor), new Uint8Array(expected[dtype]), dtype)
      if (tensor.scale) assert.equal(await gpu.readF32(tensor.scale), scales)
      gpu.free(tensor)
      assert.is(gpu.allocatedBytes, before)
    }
  })

  test('a matrix holds the same, whichever way its rows lie, and however they end', async (gpu) => {
    for (const [rows, columns] of [
      [1, 16],
      [8, 32],
      [21, 48],
      [5, 8],
      [9, 300],
      [17, 4],
    ] as const) {
      const values = randomValues(rows * columns, 5)
      for (const dtype of ['f32', 'f16', 'int8'] as const) {
        const [plain, matrix] = [
          gpu.tensor('plain', [rows, columns], dtype),
          gpu.matrix('matrix', [rows, columns], dtype),
        ]
        writeWeights(gpu, plain, values)
        writeWeights(gpu, matrix, values)
        assert.equal(await readRows(gpu, matrix), await readRows(gpu, plain), `${dtype} ${rows} × ${columns}`)
        assert.is(matrix.group, gpu.adapter.subgroupSize === 8 ? 8 : undefined)
        if (matrix.group) {
          const stored = new Uint8Array((await gpu.read({ ...matrix, bytes: matrix.buffer.size })).buffer)
          const used = (bytes: Uint8Array) => bytes.filter((it) => it !== 0).length
          assert.is(used(stored), used(await readRows(gpu, plain)), 'what pads rows is zeros')
        }
        gpu.free(plain, matrix)
      }
    }
  })

  test('what a format cannot hold is refused', (gpu) => {
    const tensor = gpu.tensor('wide', [1, 4], 'f16')
    for (const value of [65520, -1e9, Number.NaN]) {
      assert.throws(
        () => writeWeights(gpu, tensor, Float32Array.of(0, value, 0, 0)),
        (error: Error) => error instanceof InputError && error.message.startsWith(`wide: holds ${value}, beyond`),
      )
    }
    for (const shape of [[4], [2, 6], [2, 2, 4]]) {
      assert.throws(
        () => gpu.tensor('odd', shape, 'int8'),
        (error: Error) => error instanceof GpuError && /matrices with a multiple of 4 columns/.test(error.message),
      )
    }
  })
})
