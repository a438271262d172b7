import { polarityMixture } from '../../src/ops/polarity-mixture.js'
import { assertClose, gpuSuite, randomTensor, runOnce } from '../gpu.js'
import * as reference from '../reference/polarity-mixture.js'

gpuSuite('polarity-mixture', (test) => {
  for (const [rows, order, positive, d] of [
    [1, [1, 0], 1, 1],
    [9, [3, 0, 4, 1, 2], 2, 67],
    [12, Array.from({ length: 32 }, (_, i) => (i * 11) % 32), 13, 300],
  ] as const) {
    test(`${rows} rows of ${order.length} emotions, ${positive} of them positive`, async (gpu) => {
      const K = order.length
      const emotions = randomTensor(gpu, 'emotions', [rows, K], 1)
      const mixtures = randomTensor(gpu, 'mixtures', [2 * rows, K], 2)
      // Of equal ones the first counts; and mixtures far out.
      emotions.values.set([5, 5], (rows - 1) * K)
      mixtures.values.forEach((value, i) => {
        mixtures.values[i] = value * (i < K ? 500 : 5)
      })
      gpu.write(emotions.tensor, emotions.values)
      gpu.write(mixtures.tensor, mixtures.values)
      const table = randomTensor(gpu, 'table', [K, d], 3)
      const out = gpu.tensor('out', [2 * rows + 1, d])
      const tensors = {
        emotions: emotions.tensor,
        mixtures: mixtures.tensor,
        order: gpu.tensorFrom('order', [K], Uint32Array.from(order)),
        table: table.tensor,
        out,
      }
      await runOnce(gpu, (recorder) => polarityMixture(recorder, tensors, rows, positive))
      const expected = Array.from({ length: rows }, (_, row) => {
        const of = (values: Float32Array, at: number) => [...values.subarray(at * K, (at + 1) * K)]
        const logits = {
          positive: of(mixtures.values, 2 * row).slice(0, positive),
          negative: of(mixtures.values, 2 * row + 1).slice(positive),
        }
        const lists = { positive: order.slice(0, positive), negative: order.slice(positive) }
        return [...reference.polarityMixture(of(emotions.values, row), logits, lists, table.values, d)]
      })
      assertClose(await gpu.readF32(out), [...expected.flat(), ...new Array<number>(d).fill(0)], 2e-6)
    })
  }
})
