import { strategyMixture } from '../../src/ops/strategy-mixture.js'
import { assertClose, gpuSuite, randomTensor, randomValues, runOnce } from '../gpu.js'
import * as reference from '../reference/strategy-mixture.js'

gpuSuite('strategy-mixture', (test) => {
  for (const [rows, strategies, d, withBatchNorm] of [
    [1, 8, 512, false],
    [1, 8, 512, true],
    [5, 8, 60, true],
    [3, 3, 67, true],
    [4, 8, 1, false],
  ] as const) {
    test(`${rows}×${strategies}, width ${d}${withBatchNorm ? ', batch norm' : ''}`, async (gpu) => {
      const logits = randomTensor(gpu, 'logits', [rows, strategies], 1)
      // weight, bias, mean, variance: the last must be positive.
      const statistics = randomValues(4 * strategies, 2).map((x, i) => (i < 3 * strategies ? x : x + 1.1))
      const batchNorm = withBatchNorm ? gpu.tensorFrom('batchNorm', [4, strategies], statistics) : undefined
      const given = randomTensor(gpu, 'given', [rows, strategies], 3)
      const useGiven = Uint32Array.from({ length: rows }, (_, row) => row % 2)
      const codebook = randomTensor(gpu, 'codebook', [strategies + 1, d], 4)
      const finalLogits = gpu.tensor('finalLogits', [rows, strategies])
      const probs = gpu.tensor('probs', [rows, strategies])
      const out = gpu.tensor('out', [rows, d])
      const inputs = { logits: logits.tensor, batchNorm, given: given.tensor, codebook: codebook.tensor }
      const tensors = { ...inputs, useGiven: gpu.tensorFrom('useGiven', [rows], useGiven), finalLogits, probs, out }
      await runOnce(gpu, (recorder) => strategyMixture(recorder, tensors, rows))

      const [weight, bias, mean, variance] = [0, 1, 2, 3].map((i) => statistics.subarray(i * strategies)) as [
        Float32Array,
        Float32Array,
        Float32Array,
        Float32Array,
      ]
      const expected = Array.from(useGiven, (use, row) => {
        const rowOf = (values: Float32Array) => values.subarray(row * strategies, (row + 1) * strategies)
        const norm = withBatchNorm ? { weight, bias, mean, variance } : undefined
        return reference.strategyMixture(
          rowOf(logits.values),
          norm,
          use ? rowOf(given.values) : undefined,
          codebook.values,
          d,
        )
      })
      // Two batch norms multiply a logit by up to 1 / variance, and its rounding error with it.
      assertClose(
        await gpu.readF32(finalLogits),
        expected.flatMap((it) => it.finalLogits),
        2e-5,
      )
      assertClose(
        await gpu.readF32(probs),
        expected.flatMap((it) => Array.from(it.probs)),
        2e-5,
      )
      assertClose(
        await gpu.readF32(out),
        expected.flatMap((it) => Array.from(it.out)),
        2e-5,
      )
    })
  }
})
