import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { describeFolder } from '../../src/engine/load-model.js'
import { fusionLoss } from '../../src/validate/fusion-twin.js'
import { readReferenceCase } from '../../src/validate/reference-case.js'
import { goldenCases, goldenModel } from '../golden.js'
import { changedModel } from './planted.js'

const twin = suite('validate/fusion-twin')
const reference = async (folder: string) =>
  readReferenceCase(goldenCases('misc-tiny-released')[0]!, await describeFolder(folder))

twin('a loss for each row of blocks, which is that of the scores', async () => {
  const folder = await goldenModel('misc-tiny-released')
  const { inputs, stages } = await reference(folder)
  const losses = async (model: string) =>
    (await fusionLoss(await describeFolder(model), inputs)!('fusion.post', stages))!
  const usual = await losses(folder)
  assert.is(usual.length * 64, stages.get('fusion.post')!.length)
  assert.ok(
    usual.every((it) => it > 0 && it < 1e-4),
    `${usual}`,
  )
  const keys = [0, 1].flatMap((i) => ['weight', 'bias'].map((it) => `model.encoder.layers.${i}.muAttn.k_proj.${it}`))
  // All scores are 0, and every row of the context counts as much.
  const none = (values: Float32Array) => values.fill(0)
  const flat = await losses(await changedModel(Object.fromEntries(keys.map((it) => [it, none]))))
  assert.ok(Math.max(...flat) * 4 < Math.max(...usual), `${flat} ${usual}`)
})

twin('nothing is said of other stages, of other families, and where an input is unknown', async () => {
  const folder = await goldenModel('misc-tiny-released')
  const description = await describeFolder(folder)
  const { inputs, stages } = await reference(folder)
  const loss = fusionLoss(description, inputs)!
  assert.is(await loss('logits', stages), undefined)
  assert.is(await loss('fusion.post', new Map([['blocks.post', stages.get('blocks.post')!]])), undefined)
  assert.is(fusionLoss(await describeFolder(await goldenModel('bart-tiny')), inputs), undefined)
})

twin.run()
