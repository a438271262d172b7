import * as assert from 'uvu/assert'
import { ShapeError } from '../../src/errors.js'
import { logSoftmax } from '../../src/ops/log-softmax.js'
import { assertClose, gpuSuite, randomValues, runOnce, seededRandom } from '../gpu.js'
import * as reference from '../reference/log-softmax.js'

for (const variant of ['narrow', 'wide']) {
  gpuSuite(`log-softmax, ${variant}`, (test) => {
    test('this workgroup is chosen', (gpu) => gpu.useVariant('log-softmax', variant))

    const random = seededRandom(3)
    const ragged = Array.from(
      { length: 6 },
      () => [1 + Math.floor(random() * 9), 1 + Math.floor(random() * 3000)] as const,
    )
    for (const [rows, vocab, gain] of [
      [1, 1, 1],
      [3, 7, 1],
      [2, 300, 80],
      [2, 54_962, 6],
      ...ragged.map(([rows, vocab]) => [rows, vocab, 20] as const),
    ] as const) {
      test(`${rows}×${vocab}, the rows beyond left alone`, async (gpu) => {
        const values = randomValues((rows + 1) * vocab, vocab).map((it) => it * gain)
        const scores = gpu.tensorFrom('scores', [rows + 1, vocab], values)
        await runOnce(gpu, (recorder) => logSoftmax(recorder, scores, rows))
        const actual = await gpu.readF32(scores)
        for (let row = 0; row < rows; row++) {
          const [start, end] = [row * vocab, (row + 1) * vocab]
          assertClose(actual.subarray(start, end), reference.logSoftmax(values.subarray(start, end)), 1e-5, 1e-6)
        }
        assert.equal(actual.subarray(rows * vocab), values.subarray(rows * vocab))
      })
    }

    test('what is forbidden stays so, and changes nothing else', async (gpu) => {
      const values = randomValues(400, 5)
      const wide = Float32Array.from([
        ...values,
        ...new Array(50).fill(-Infinity),
        ...new Array(50).fill(-3.4028234e38),
      ])
      const scores = gpu.tensorFrom('scores', [1, 500], wide)
      await runOnce(gpu, (recorder) => logSoftmax(recorder, scores, 1))
      const actual = await gpu.readF32(scores)
      assertClose(actual.subarray(0, 400), reference.logSoftmax(values), 1e-5)
      for (const score of actual.subarray(400)) assert.ok(score < -3.4e38, `${score}`)
    })

    test('a row that is not finite is NaN as a whole, and no other', async (gpu) => {
      const vocab = 301
      const negativeNaN = new Float32Array(Uint32Array.of(0xff800001, 0xffc00000).buffer)
      const faults = [Number.NaN, ...negativeNaN, Number.POSITIVE_INFINITY]
      const sound = randomValues(vocab, 2)
      const rows: Float32Array[] = faults.map((fault, i) => sound.with(i * 70, fault))
      rows.push(new Float32Array(vocab).fill(Number.NEGATIVE_INFINITY), sound)
      const values = new Float32Array(rows.length * vocab)
      for (const [row, it] of rows.entries()) values.set(it, row * vocab)
      const scores = gpu.tensorFrom('scores', [rows.length, vocab], values)
      await runOnce(gpu, (recorder) => logSoftmax(recorder, scores, rows.length))
      const actual = await gpu.readF32(scores)
      assert.ok(actual.subarray(0, -vocab).every(Number.isNaN))
      assertClose(actual.subarray(-vocab), reference.logSoftmax(sound), 1e-5)
    })

    test('too few rows are refused', (gpu) => {
      const scores = gpu.tensor('scores', [2, 5])
      assert.throws(
        () => logSoftmax({ gpu } as never, scores, 3),
        (error: Error) => error instanceof ShapeError && error.message.includes('scores must have 3 rows'),
      )
    })
  })
}
