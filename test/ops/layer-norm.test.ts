import { layerNorm } from '../../src/ops/layer-norm.js'
import { assertClose, gpuSuite, randomTensor, runOnce } from '../gpu.js'
import * as reference from '../reference/layer-norm.js'

for (const variant of ['narrow', 'wide']) {
  gpuSuite(`layer-norm, ${variant}`, (test) => {
    for (const [rows, d] of [
      [1, 1],
      [3, 60],
      [7, 64],
      [2, 67],
      [5, 512],
      [70, 33],
    ] as const) {
      for (const withResidual of [false, true]) {
        test(`${rows}×${d}${withResidual ? ' with residual' : ''}`, async (gpu) => {
          gpu.useVariant('layer-norm', variant)
          const x = randomTensor(gpu, 'x', [rows, d], 1)
          const residual = withResidual ? randomTensor(gpu, 'residual', [rows, d], 2) : undefined
          const weight = randomTensor(gpu, 'weight', [d], 3)
          const bias = randomTensor(gpu, 'bias', [d], 4)
          const out = gpu.tensor('out', [rows, d])
          const tensors = { x: x.tensor, residual: residual?.tensor, weight: weight.tensor, bias: bias.tensor, out }
          await runOnce(gpu, (recorder) => layerNorm(recorder, tensors, rows))
          const expected = reference.layerNorm(x.values, residual?.values, weight.values, bias.values, rows, 1e-5)
          assertClose(await gpu.readF32(out), expected, 2e-5)
        })
      }
    }
  })
}
