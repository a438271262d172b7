import * as assert from 'uvu/assert'
import { copyRows } from '../../src/ops/copy-rows.js'
import { gpuSuite, randomTensor, runOnce } from '../gpu.js'

gpuSuite('copy-rows', (test) => {
  for (const [d, from, to] of [
    [1, [0], undefined],
    [60, [4, 4, 0], [2, 5, 3]],
    [67, [1, 3, 2, 0], undefined],
    [512, [6, 2], [7, 0]],
  ] as const) {
    test(`${from.length}×${d} to ${to ? `rows ${to}` : 'the same rows'}`, async (gpu) => {
      const source = randomTensor(gpu, 'source', [7, d], 1)
      const target = randomTensor(gpu, 'target', [8, d], 2)
      // Longer than the rows asked for.
      const index = (label: string, rows: readonly number[]) =>
        gpu.tensorFrom(label, [rows.length + 1], Uint32Array.from([...rows, 5]))
      const tensors = {
        source: source.tensor,
        from: index('from', from),
        target: target.tensor,
        ...(to && { to: index('to', to) }),
      }
      await runOnce(gpu, (recorder) => copyRows(recorder, tensors, from.length))
      const expected = target.values.slice()
      from.forEach((row, r) => {
        expected.set(source.values.subarray(row * d, (row + 1) * d), (to?.[r] ?? r) * d)
      })
      assert.equal(await gpu.readF32(target.tensor), expected)
    })
  }
})
