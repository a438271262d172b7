import * as assert from 'uvu/assert'
import { rowParts } from '../../src/gpu/tensor.js'
import { embed } from '../../src/ops/embed.js'
import * as reference from '../../src/validate/twins/embed.js'
import { assertClose, gpuSuite, randomMatrix, randomTensor, runOnce, seededRandom } from '../gpu.js'

for (const variant of ['narrow', 'wide']) {
  gpuSuite(`embed, ${variant}`, (test) => {
    for (const [rows, d, vocabulary, positionCount, scale, dtype = 'f32', rest = {}] of [
      [1, 1, 1, 1, 1],
      [3, 60, 50, 12, Math.sqrt(60)],
      [70, 64, 99, 128, 8],
      [5, 67, 10, 9, 1],
      [9, 512, 300, 40, Math.sqrt(512)],
      [9, 60, 300, 40, Math.sqrt(60), 'f16'],
      [9, 60, 300, 40, Math.sqrt(60), 'int8'],
      [9, 60, 300, 40, 1, 'f32', { positionOffset: 2 }],
      [8, 67, 11, 9, 8, 'f32', { normFirst: true }],
      [9, 60, 300, 40, 2, 'int8', { normFirst: true, positionOffset: 3 }],
      [7, 61, 30, 9, 1, 'f32', { norm: false }],
      [70, 64, 99, 128, 3, 'f16', { norm: false, positionOffset: 1 }],
      [7, 61, 30, 0, 3, 'f32', { norm: false }],
      [9, 60, 300, 0, 2, 'int8'],
    ] as const) {
      const { norm: withNorm = true, ...order } = { ...rest } as {
        norm?: boolean
        positionOffset?: number
        normFirst?: boolean
      }
      test(`${rows}×${d} of ${vocabulary} ids in ${dtype} ${JSON.stringify(rest)}`, async (gpu) => {
        gpu.useVariant('embed', variant)
        const { positionOffset = 0 } = order
        const random = seededRandom(rows)
        // Longer than rows: only the first rows count.
        const ids = Uint32Array.from({ length: rows + 3 }, () => Math.floor(random() * vocabulary))
        const positions = Uint32Array.from({ length: rows + 3 }, () =>
          Math.floor(random() * (positionCount - positionOffset)),
        )
        const table = randomMatrix(gpu, 'table', [vocabulary, d], 1, dtype)
        const positionTable = randomTensor(gpu, 'positionTable', [Math.max(positionCount, 1), d], 2)
        const weight = randomTensor(gpu, 'weight', [d], 3)
        const bias = randomTensor(gpu, 'bias', [d], 4)
        const out = gpu.tensor('out', [rows, d])
        const tensors = {
          ids: gpu.tensorFrom('ids', [ids.length], ids),
          table: table.tensor,
          ...(positionCount > 0 && {
            positions: gpu.tensorFrom('positions', [positions.length], positions),
            positionTable: positionTable.tensor,
          }),
          norm: withNorm ? { weight: weight.tensor, bias: bias.tensor } : undefined,
          out,
        }
        await runOnce(gpu, (recorder) => embed(recorder, tensors, rows, { scale, ...order }))
        const values = {
          ids,
          table: table.values,
          ...(positionCount > 0 && { positions, positionTable: positionTable.values }),
          norm: withNorm ? { weight: weight.values, bias: bias.values } : undefined,
        }
        const expected = reference.embed(values, [rows, d], { scale, ...order })
        assertClose(await gpu.readF32(out), expected, 2e-5)
      })
    }

    test('an id or a position beyond its table reads the last row', async (gpu) => {
      gpu.useVariant('embed', variant)
      const d = 32
      const [table, positionTable, weight, bias] = [
        randomTensor(gpu, 'table', [7, d], 1),
        randomTensor(gpu, 'positionTable', [5, d], 2),
        randomTensor(gpu, 'weight', [d], 3),
        randomTensor(gpu, 'bias', [d], 4),
      ] as const
      const rows = async (ids: readonly number[], positions: readonly number[]) => {
        const out = gpu.tensor('out', [ids.length, d])
        const tensors = {
          ids: gpu.tensorFrom('ids', [ids.length], Uint32Array.from(ids)),
          positions: gpu.tensorFrom('positions', [ids.length], Uint32Array.from(positions)),
          table: table.tensor,
          positionTable: positionTable.tensor,
          norm: { weight: weight.tensor, bias: bias.tensor },
          out,
        }
        await runOnce(gpu, (recorder) => embed(recorder, tensors, ids.length))
        return await gpu.readF32(out)
      }
      const beyond = await rows([2, 65_535, 7, 2 ** 32 - 1], [0, 4, 2 ** 31, 5])
      assert.equal(beyond, await rows([2, 6, 6, 6], [0, 4, 4, 4]))
    })
  })
}

// Rows of 60 in f32 come 64 to a binding, in int8 256.
gpuSuite(
  'embed from a table in parts',
  (test) => {
    for (const dtype of ['f32', 'f16', 'int8'] as const) {
      test(`of ${dtype}: ids at every border`, async (gpu) => {
        const [d, vocabulary, positionCount, scale] = [60, 530, 6, Math.sqrt(60)]
        const table = randomMatrix(gpu, 'table', [vocabulary, d], 1, dtype)
        const positionTable = randomTensor(gpu, 'positionTable', [positionCount, d], 2)
        const weight = randomTensor(gpu, 'weight', [d], 3)
        const bias = randomTensor(gpu, 'bias', [d], 4)
        const parts = rowParts(table.tensor)
        assert.ok(parts.length > 2)
        const borders = parts.flatMap(({ first, rows }) => [first, first + 1, first + rows - 1])
        const ids = Uint32Array.of(...borders, ...borders.toReversed(), 300)
        const positions = ids.map((id) => id % positionCount)
        const out = gpu.tensor('out', [ids.length, d])
        const tensors = {
          ids: gpu.tensorFrom('ids', [ids.length + 1], Uint32Array.of(...ids, 2 ** 32 - 1)),
          positions: gpu.tensorFrom('positions', [ids.length], positions),
          table: table.tensor,
          positionTable: positionTable.tensor,
          norm: { weight: weight.tensor, bias: bias.tensor },
          out,
        }
        const values = {
          ids,
          positions,
          table: table.values,
          positionTable: positionTable.values,
          norm: { weight: weight.values, bias: bias.values },
        }
        for (const variant of ['narrow', 'wide']) {
          gpu.useVariant('embed', variant)
          gpu.write(out, new Float32Array(ids.length * d).fill(7))
          await runOnce(gpu, (recorder) => embed(recorder, tensors, ids.length, { scale }))
          assertClose(await gpu.readF32(out), reference.embed(values, [ids.length, d], { scale }), 2e-5)
        }
        // Beyond the table: its last row, of its last part.
        gpu.write(tensors.ids, Uint32Array.of(2 ** 32 - 1, vocabulary))
        gpu.write(tensors.positions, Uint32Array.of(0, 0))
        await runOnce(gpu, (recorder) => embed(recorder, tensors, 2, { scale }))
        const last = reference.embed({ ...values, ids: [vocabulary - 1, vocabulary - 1], positions: [0, 0] }, [2, d], {
          scale,
        })
        assertClose((await gpu.readF32(out)).subarray(0, 2 * d), last, 2e-5)
      })
    }
  },
  { maxBindingBytes: 2 ** 14 },
)
