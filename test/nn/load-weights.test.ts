import * as assert from 'uvu/assert'
import { loadModel } from '../../src/engine/load-model.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import { rowParts, weightDtypes } from '../../src/gpu/tensor.js'
import type { TensorReader } from '../../src/io/safetensors.js'
import type { MiscWeights } from '../../src/models/misc/layout.js'
import { MiscModel } from '../../src/models/misc/model.js'
import { checkTensors } from '../../src/nn/check-tensors.js'
import { filters, matrix, padded, rowsFrom, stack, TensorTable, transposed } from '../../src/nn/layout.js'
import { loadWeights } from '../../src/nn/load-weights.js'
import { type ReplyScores, scoreReplies } from '../../src/validate/perplexity.js'
import { readRows, readWeights } from '../../src/validate/read-weights.js'
import { tinyModel } from '../engine-model.js'
import { gpuSuite, modelAdapters, randomValues, sharedGpu, storedValues } from '../gpu.js'

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

  test('parts with zeros behind them', async (gpu) => {
    const table = new TensorTable()
    const two = ['a', 'b'].map((name) => table.tensor('r', name, 5, 7, 3))
    const vectors = ['c', 'd'].map((name) => table.tensor('r', name, 3))
    const { reader, values, checked } = randomFile(table)
    const parts = { weight: padded(filters(...two), [6, 8, 3]), bias: padded(stack(...vectors), [4]) }
    const { weight, bias } = await loadWeights(gpu, reader, checked, parts, 'f16')
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => values.get(name)!)
    const of = (part: Float32Array) =>
      Array.from({ length: 6 * 24 }, (_, i) => {
        const [row, column] = [Math.floor(i / 24), i % 24]
        return row < 5 && column < 21 ? part[row * 21 + column]! : 0
      })
    assert.equal([weight.shape, weight.dtype, bias.shape], [[12, 24], 'f16', [8]])
    assert.equal(await readWeights(gpu, weight), storedValues(Float32Array.from([...of(a!), ...of(b!)]), 24, 'f16'))
    assert.equal(await readWeights(gpu, bias), Float32Array.from([...c!, 0, ...d!, 0]))
    assert.is(padded(stack(...vectors), [3]).room, undefined)
  })
})

// Of few positions: caches must fit in a binding.
const folder = await tinyModel(8)

// The tiny model's embedding takes 739 KB in f32, and 185 KB in int8.
gpuSuite(
  'nn/load-weights: an embedding in parts',
  (test) => {
    for (const dtype of weightDtypes) {
      test(`in ${dtype} makes the same replies likely, to the bit, as a whole one`, async (gpu) => {
        const whole = await sharedGpu(gpu.adapter.name)
        const load = async (on: Gpu) => {
          const before = on.allocatedBytes
          const weights = await loadModel(on, folder, { dtype })
          return { weights, bytes: on.allocatedBytes - before }
        }
        const [{ weights, bytes }, expected] = [await load(gpu), await load(whole)]
        const parts = rowParts(weights.embedding)
        assert.ok(parts.length > 1)
        assert.is(rowParts(expected.weights.embedding).length, 1)
        assert.equal(await readRows(gpu, weights.embedding), await readRows(whole, expected.weights.embedding))
        assert.is(bytes, expected.bytes)
        // Ids of every part, in context, blocks and reply.
        const ids = parts.flatMap(({ first, rows }) => [Math.max(first, 4), first + rows - 1])
        const some = (from: number) => Array.from({ length: 4 }, (_, i) => ids[(from + i * 3) % ids.length]!)
        const replies = Array.from({ length: ids.length }, (_, i) => ({
          input: { context: some(i), post: [some(i + 1)], situation: [some(i + 2), some(i + 3)] },
          // One alone, and four together: more would make logits larger than a binding.
          reply: some(i).slice(0, i % 2 === 0 ? 1 : 4),
        }))
        const { vocabSize } = weights.config
        const scores = async (on: Gpu, weights: MiscWeights) => {
          const all: ReplyScores[] = []
          for (const reply of replies)
            all.push(...(await scoreReplies(on, new MiscModel(on, weights), [reply], vocabSize)))
          return all
        }
        assert.equal(await scores(gpu, weights), await scores(whole, expected.weights))
      })
    }
  },
  { maxBindingBytes: 2 ** 17 },
  modelAdapters,
)
