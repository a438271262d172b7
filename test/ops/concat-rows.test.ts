import * as assert from 'uvu/assert'
import { concatRows } from '../../src/ops/concat-rows.js'
import { gpuSuite, randomTensor, runOnce } from '../gpu.js'

gpuSuite('concat-rows', (test) => {
  for (const [left, right, from] of [
    [1, 1, [0]],
    [60, 7, [2, 2, 0, 1, 2]],
    [33, 130, undefined],
    [300, 300, [1, 0, 1]],
  ] as const) {
    test(`${left} | ${right} columns ${from ? `from rows ${from}` : 'of the same rows'}`, async (gpu) => {
      const rows = from?.length ?? 4
      const a = randomTensor(gpu, 'a', [rows + 1, left], 1)
      const b = randomTensor(gpu, 'b', [from ? 3 : rows, right], 2)
      const out = randomTensor(gpu, 'out', [rows + 1, left + right], 3)
      const places = from && gpu.tensorFrom('from', [rows], Uint32Array.from(from))
      const tensors = { left: a.tensor, right: b.tensor, from: places, out: out.tensor }
      await runOnce(gpu, (recorder) => concatRows(recorder, tensors, rows))
      const expected = Array.from({ length: rows }, (_, r) => {
        const other = from?.[r] ?? r
        return [
          ...a.values.subarray(r * left, (r + 1) * left),
          ...b.values.subarray(other * right, (other + 1) * right),
        ]
      }).flat()
      expected.push(...out.values.subarray(rows * (left + right)))
      assert.equal(await gpu.readF32(out.tensor), Float32Array.from(expected))
    })
  }
})
