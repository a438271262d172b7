/** docs/decode-step.svg, held against a decode step as it is recorded now. */
import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { drawing, drawStep } from '../scripts/draw-step.js'
import { recordStep, type StepDispatch } from '../scripts/record-step.js'
import { packagedModel } from '../src/platform/node/packaged-model.js'
import { gpuSuite } from './gpu.js'

gpuSuite('docs/decode-step.svg', (test) => {
  test('is the drawing of a step as it is recorded; npm run draw makes it anew', async (gpu) => {
    assert.is(drawStep(await recordStep(gpu, packagedModel())), readFileSync(drawing, 'utf8'))
  })

  test('a layer unlike the first is not drawn', () => {
    const dispatch = (kernel: string, layer: number): StepDispatch => {
      return { kernel, layer, reads: [], after: [], updates: [], out: [] }
    }
    assert.match(drawStep([dispatch('a', 0), dispatch('a', 1)]), /2 dispatches, the frame 2 times/)
    assert.throws(() => drawStep([dispatch('a', 0), dispatch('b', 1)]), /layer 1 is not as layer 0/)
  })
})
