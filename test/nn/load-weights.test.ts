import * as assert from 'uvu/assert'
import type { TensorReader } from '../../src/io/safetensors.js'
import { checkTensors } from '../../src/nn/check-tensors.js'
import { matrix, rowsFrom, stack, TensorTable, transposed } from '../../src/nn/layout.js'
import { loadWeights } from '../../src/nn/load-weights.js'
import { gpuSuite, randomValues, readWeights, storedValues } from '../gpu.js'

/** A file of random tensors in memory, and their values. */
function randomFile(table: TensorTable) {
  const values = new Map(
    table.tensors.map(
      ({ name, shape }, i) =>
        [
          name,
          randomValues(
            shape.reduce((a, b) => a * b, 1),
            i + 1,
          ),
        ] as const,
    ),
  )
  const reader = {
    tensors: new Map(table.tensors.map((it) => [it.name, { ...it, dtype: 'F32' }])),
    readF32Into: async (name: string, start: number, target: Float32Array) => {
      const all = values.get(name)!
      assert.ok(start + target.length <= all.length, `${name} is read beyond its end`)
      target.set(all.subarray(start, start + target.length))
    },
  } as unknown as TensorReader
  return { reader, values, checked: checkTensors(reader.tensors, table.tensors, 'memory', 'a test') }
}

gpuSuite('nn/load-weights', (test) => {
  for (const dtype of ['f32', 'f16', 'int8'] as const) {
    test(`what a file holds as [in, out] is [out, in], in ${dtype}`, async (gpu) => {
      const table = new TensorTable()
      // Small and ragged; of more columns than a load takes, of more rows than are read at a time, and both.
      const shapes = [
        [1, 8],
        [5, 3],
        [12, 7],
        [64, 192],
        [1100, 1501],
        [1500, 1104],
        [3000, 700],
      ] as const
      const tensors = shapes.map(([size, out], i) => table.tensor('r', `w${i}`, size, out))
      const { reader, values, checked } = randomFile(table)
      const loaded = await loadWeights(gpu, reader, checked, tensors.map(transposed), dtype)
      for (const [i, tensor] of loaded.entries()) {
        const [size, out] = shapes[i]!
        assert.equal(tensor.shape, [out, size])
        assert.is(tensor.dtype, size % 4 === 0 ? dtype : 'f32')
        const all = values.get(`w${i}`)!
        const turned = Float32Array.from(
          { length: size * out },
          (_, at) => all[(at % size) * out + Math.floor(at / size)]!,
        )
        const expected = storedValues(turned, size, tensor.dtype as typeof dtype)
        const found = await readWeights(gpu, tensor)
        assert.is(found.length, expected.length)
        const wrong = found.findIndex((it, at) => it !== expected[at])
        assert.is(wrong, -1, `[${size}, ${out}] at ${wrong}`)
        gpu.free(tensor)
      }
    })
  }

  test('two tables that lie in one', async (gpu) => {
    const table = new TensorTable()
    const both = table.tensor('r', 'both', 50, 12)
    const { reader, values, checked } = randomFile(table)
    const parts = { first: matrix(rowsFrom(both, 0, 37)), last: stack(rowsFrom(both, 37, 13)) }
    const { first, last } = await loadWeights(gpu, reader, checked, parts, 'f16')
    const all = values.get('both')!
    assert.equal([first.shape, last.shape, first.dtype, last.dtype], [[37, 12], [13, 12], 'f16', 'f32'])
    assert.equal(await readWeights(gpu, first), storedValues(all.slice(0, 37 * 12), 12, 'f16'))
    assert.equal(await readWeights(gpu, last), all.slice(37 * 12))
  })
})
