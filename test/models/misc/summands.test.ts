import * as assert from 'uvu/assert'
import { loadModel } from '../../../src/engine/load-model.js'
import { attendedSources, crossSummands } from '../../../src/models/misc/summands.js'
import { project } from '../../../src/nn/rows.js'
import { Run } from '../../../src/nn/run.js'
import { goldenModel } from '../../golden.js'
import { gpuSuite, randomValues } from '../../gpu.js'

gpuSuite('models/misc/summands', (test) => {
  test('the summands of context, post and situation add up to what the decoder adds, in every layer and format', async (gpu) => {
    const rows = 5
    for (const dtype of ['f32', 'int8'] as const) {
      const weights = await loadModel(gpu, await goldenModel('misc-tiny-paper'), { dtype })
      const d = weights.config.dModel
      const apart = gpu.tensor('apart', [attendedSources * rows, attendedSources * d])
      for (const [layer, { crossOutput, crossBiases }] of weights.decoder.layers.entries()) {
        const attended = gpu.tensorFrom(
          'attended',
          [rows, attendedSources * d],
          randomValues(rows * attendedSources * d, layer),
        )
        const run = new Run(gpu, weights)
        const { parts, whole } = await run.submit((pass) => ({
          parts: crossSummands(pass, layer, attended, apart, rows),
          whole: project(pass, 'whole', { x: attended, count: rows }, { weight: crossOutput }).x,
        }))
        const [apartValues, wholeValues, biases] = [
          await gpu.readF32(parts),
          await gpu.readF32(whole),
          await gpu.readF32(crossBiases),
        ]
        for (let i = 0; i < rows * d; i++) {
          const sum = [0, 1, 2].reduce((sum, s) => sum + apartValues[s * rows * d + i]! - biases[s * d + (i % d)]!, 0)
          assert.ok(Math.abs(sum - wholeValues[i]!) < 1e-4, `${dtype}, layer ${layer}, ${i}: ${sum}, ${wholeValues[i]}`)
        }
        run.dispose()
      }
    }
  })
})
