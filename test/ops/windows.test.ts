import * as assert from 'uvu/assert'
import { sequenceEdges, windows } from '../../src/ops/windows.js'
import { gpuSuite, randomTensor, runOnce, seededRandom } from '../gpu.js'
import * as reference from '../reference/windows.js'

gpuSuite('windows', (test) => {
  const random = seededRandom(3)
  const upTo = (limit: number) => 1 + Math.floor(random() * limit)
  const cases: [lengths: number[], d: number][] = [
    [[1], 1],
    [[1, 2, 3, 1], 60],
    [[9], 67],
    [[40, 1, 7], 64],
    ...Array.from({ length: 4 }, (): [number[], number] => [
      Array.from({ length: upTo(5) }, () => upTo(30)),
      upTo(200),
    ]),
  ]
  for (const [lengths, d] of cases) {
    test(`sequences of ${lengths} rows of ${d}`, async (gpu) => {
      const rows = lengths.reduce((a, b) => a + b)
      const x = randomTensor(gpu, 'x', [rows + 1, d], 1)
      const out = randomTensor(gpu, 'out', [rows + 1, 3 * d], 2)
      const edges = gpu.tensorFrom('edges', [rows], sequenceEdges(lengths))
      await runOnce(gpu, (recorder) => windows(recorder, { x: x.tensor, edges, out: out.tensor }, rows))
      let start = 0
      const expected = lengths.flatMap((length) => {
        const own = x.values.subarray(start * d, (start + length) * d)
        start += length
        return [...reference.windows(own, d, 0)]
      })
      expected.push(...out.values.subarray(rows * 3 * d))
      assert.equal(await gpu.readF32(out.tensor), Float32Array.from(expected))
    })
  }
})
