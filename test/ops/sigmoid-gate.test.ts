import { sigmoidGate } from '../../src/ops/sigmoid-gate.js'
import { assertClose, gpuSuite, randomTensor, runOnce } from '../gpu.js'

gpuSuite('sigmoid-gate', (test) => {
  for (const [rows, d] of [
    [1, 1],
    [3, 67],
    [9, 600],
  ] as const) {
    test(`${rows}×${d}, far out too`, async (gpu) => {
      const x = randomTensor(gpu, 'x', [rows + 1, d], 1)
      const gate = randomTensor(gpu, 'gate', [rows, d], 2)
      // 10 to the power of 0, 1, 2, …
      gate.values.forEach((value, i) => {
        gate.values[i] = value * 10 ** (i % 38)
      })
      gpu.write(gate.tensor, gate.values)
      const out = randomTensor(gpu, 'out', [rows + 1, d], 3)
      const tensors = { x: x.tensor, gate: gate.tensor, out: out.tensor }
      await runOnce(gpu, (recorder) => sigmoidGate(recorder, tensors, rows))
      const expected = out.values.map((kept, i) =>
        i < rows * d ? x.values[i]! / (1 + Math.exp(-gate.values[i]!)) : kept,
      )
      assertClose(await gpu.readF32(out.tensor), expected, 1e-6)
    })
  }
})
