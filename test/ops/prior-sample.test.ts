import { priorSample } from '../../src/ops/prior-sample.js'
import { assertClose, gpuSuite, randomTensor, runOnce } from '../gpu.js'

gpuSuite('prior-sample', (test) => {
  for (const [rows, d] of [
    [1, 1],
    [3, 67],
    [9, 300],
  ] as const) {
    test(`${rows}×${d}`, async (gpu) => {
      const prior = randomTensor(gpu, 'prior', [rows + 1, 3 * d], 1)
      const noise = randomTensor(gpu, 'noise', [rows, 2 * d], 2)
      const out = randomTensor(gpu, 'out', [2 * rows + 1, d], 3)
      const tensors = { prior: prior.tensor, noise: noise.tensor, out: out.tensor }
      await runOnce(gpu, (recorder) => priorSample(recorder, tensors, rows))
      const expected = out.values.map((kept, i) => {
        const [row, polarity, c] = [Math.floor(i / (2 * d)), Math.floor(i / d) % 2, i % d]
        if (row === rows) return kept
        const of = (part: number) => prior.values[row * 3 * d + part * d + c]!
        return of(polarity) + Math.exp(0.5 * of(2)) * noise.values[i]!
      })
      assertClose(await gpu.readF32(out.tensor), expected, 1e-6)
    })
  }
})
