import { chosenLayerNorm, layerNorm } from '../../src/ops/layer-norm.js'
import * as reference from '../../src/validate/twins/layer-norm.js'
import { randomChoices } from '../choices.js'
import { assertClose, gpuSuite, randomTensor, runOnce } from '../gpu.js'

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

    test('by the sample deviation', async (gpu) => {
      gpu.useVariant('layer-norm', variant)
      for (const [rows, d] of [
        [1, 2],
        [3, 67],
        [20, 300],
      ] as const) {
        const [x, weight, bias] = [[rows, d], [d], [d]].map((shape, i) => randomTensor(gpu, `${i}`, shape, i + 1))
        const out = gpu.tensor('out', [rows, d])
        const tensors = { x: x!.tensor, weight: weight!.tensor, bias: bias!.tensor, out }
        // An eps that leaves no doubt what it is added to.
        for (const eps of [1e-6, 0.1]) {
          await runOnce(gpu, (recorder) => layerNorm(recorder, tensors, rows, { eps, by: 'sample deviation' }))
          const [a, b, c] = [x!.values, weight!.values, bias!.values]
          const expected = reference.layerNorm(a, undefined, b, c, rows, eps, 'sample deviation')
          assertClose(await gpu.readF32(out), expected, 2e-5)
        }
      }
    })

    test('by the layers that are chosen for a row', async (gpu) => {
      gpu.useVariant('layer-norm', variant)
      for (const [sequences, newRows, places, d, each] of [
        [1, 1, 1, 8, false],
        [3, 2, 4, 67, true],
        [2, 5, 3, 300, false],
      ] as const) {
        const [rows, layers] = [sequences * newRows, 6]
        const { choices, of } = randomChoices(gpu, { sequences, newRows, places, layers })
        const x = randomTensor(gpu, 'x', [rows + 1, each ? places * d : d], 1)
        const weight = randomTensor(gpu, 'weight', [layers, d], 2)
        const bias = randomTensor(gpu, 'bias', [layers, d], 3)
        const out = randomTensor(gpu, 'out', [rows + 1, places * d], 4)
        const tensors = { x: x.tensor, weight: weight.tensor, bias: bias.tensor, out: out.tensor }
        const options = { eps: 1e-6, by: 'sample deviation' } as const
        await runOnce(gpu, (recorder) => chosenLayerNorm(recorder, tensors, choices, rows, options))
        const expected = out.values.slice()
        for (let i = 0; i < rows * places; i++) {
          const { layer, share } = of(Math.floor(i / places), i % places)
          if (share === 0) continue
          const from = each ? i : Math.floor(i / places)
          const own = (values: Float32Array, at: number) => values.subarray(at * d, (at + 1) * d)
          const [a, b, c] = [own(x.values, from), own(weight.values, layer), own(bias.values, layer)]
          expected.set(reference.layerNorm(a, undefined, b, c, 1, 1e-6, 'sample deviation'), i * d)
        }
        assertClose(await gpu.readF32(out.tensor), expected, 2e-5)
      }
    })
  })
}
