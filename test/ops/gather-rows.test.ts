import * as assert from 'uvu/assert'
import { gatherRows } from '../../src/ops/gather-rows.js'
import { gpuSuite, randomTensor, runOnce } from '../gpu.js'

gpuSuite('gather-rows', (test) => {
  for (const [d, index, outStart] of [
    [1, [0], 0],
    [60, [4, 4, 0], 2],
    [67, [1, 3, 2, 0], 1],
    [512, [6, 2], 0],
  ] as const) {
    test(`${index.length}×${d} to row ${outStart}`, async (gpu) => {
      const source = randomTensor(gpu, 'source', [7, d], 1)
      const out = randomTensor(gpu, 'out', [outStart + index.length + 1, d], 2)
      // Longer than the rows asked for.
      const indexTensor = gpu.tensorFrom('index', [index.length + 1], Uint32Array.from([...index, 5]))
      const tensors = { source: source.tensor, index: indexTensor, out: out.tensor }
      await runOnce(gpu, (recorder) => gatherRows(recorder, tensors, index.length, outStart))
      const expected = out.values.slice()
      index.forEach((from, r) => {
        expected.set(source.values.subarray(from * d, (from + 1) * d), (outStart + r) * d)
      })
      assert.equal(await gpu.readF32(out.tensor), expected)
    })
  }
})
