import * as assert from 'uvu/assert'
import { ShapeError } from '../../src/errors.js'
import { partSoftmax } from '../../src/ops/part-softmax.js'
import { softmax } from '../../src/validate/twins/softmax.js'
import { assertClose, gpuSuite, randomTensor, runOnce } from '../gpu.js'

gpuSuite('part-softmax', (test) => {
  for (const [rows, width, first, count, gain] of [
    [1, 8, 0, 8, 1],
    [3, 308, 300, 8, 30],
    [2, 1000, 17, 100, 1],
    [2, 3, 1, 1, 200],
  ] as const) {
    test(`${rows}×${width}, ${count} columns from ${first}; rows beyond are left alone`, async (gpu) => {
      const { values } = randomTensor(gpu, 'values', [rows + 1, width], 1)
      const scaled = values.map((it) => it * gain)
      const scores = gpu.tensorFrom('scores', [rows + 1, width], scaled)
      const part = gpu.tensor('part', [rows + 1, count])
      const probs = gpu.tensor('probs', [rows + 1, count])
      await runOnce(gpu, (recorder) => partSoftmax(recorder, { scores, part, probs }, first, rows))
      const own = Array.from({ length: rows }, (_, row) => {
        const start = row * width + first
        return scaled.subarray(start, start + count)
      })
      const nothing = new Array<number>(count).fill(0)
      assert.equal([...(await gpu.readF32(part))], [...own.flatMap((it) => [...it]), ...nothing])
      assertClose(await gpu.readF32(probs), [...own.flatMap((it) => [...softmax(it)]), ...nothing], 1e-6)
    })
  }

  test('columns beyond the last are refused', (gpu) => {
    const [scores, part] = [gpu.tensor('scores', [1, 9]), gpu.tensor('part', [1, 8])]
    assert.throws(
      () => partSoftmax({ gpu } as never, { scores, part, probs: part }, 2, 1),
      (error: Error) => error instanceof ShapeError && error.message.includes('columns 2 to 9 of scores, which has 9'),
    )
  })
})
