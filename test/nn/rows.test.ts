import { normed, placeOf, project, settle } from '../../src/nn/rows.js'
import { Run } from '../../src/nn/run.js'
import { layerNorm } from '../../src/validate/twins/layer-norm.js'
import { matmul } from '../../src/validate/twins/matmul.js'
import { assertClose, gpuSuite, randomTensor } from '../gpu.js'

gpuSuite('nn/rows', (test) => {
  for (const [count, d, n] of [
    [1, 64, 32],
    [20, 36, 12],
    [3, 7, 5],
  ] as const) {
    test(`${count}×${d}: the product that reads rows takes their norm, and leaves them for the residual`, async (gpu) => {
      const x = randomTensor(gpu, 'x', [count, d], 1)
      const [scale, shift] = [randomTensor(gpu, 'scale', [d], 2), randomTensor(gpu, 'shift', [d], 3)]
      const [weight, bias] = [randomTensor(gpu, 'weight', [n, d], 4), randomTensor(gpu, 'bias', [n], 5)]
      const norm = { weight: scale.tensor, bias: shift.tensor }
      const linear = { weight: weight.tensor, bias: bias.tensor }
      const run = new Run(gpu, undefined)
      const [left, settled] = [gpu.tensor('left', [count, d]), gpu.tensor('settled', [count, d])]
      const rows = normed({ x: x.tensor, count }, norm, left)
      const product = await run.submit((pass) => {
        settle(pass, normed({ x: x.tensor, count }, norm, settled))
        return project(pass, 'product', rows, linear, { activation: 'relu' })
      })

      const expected = layerNorm(x.values, undefined, scale.values, shift.values, count, 1e-5)
      const values = { x: expected, weight: weight.values, bias: bias.values }
      const products = (await gpu.readF32(product.x)).subarray(0, count * n)
      assertClose(products, matmul(values, [count, d, n], 'relu'), 1e-4)
      assertClose(await gpu.readF32(placeOf(rows)), expected, 2e-5)
      assertClose(await gpu.readF32(settled), expected, 2e-5)
      run.dispose()
      gpu.free(left, settled)
    })
  }
})
