import { statSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { load } from '../../src/engine/load.js'
import { Misc } from '../../src/engine/misc.js'
import { tinyModel } from '../engine-model.js'
import { readsOf } from '../files-read.js'
import { goldenModel } from '../golden.js'
import { testAdapters } from '../gpu.js'
import { refused } from '../throws.js'

const loading = suite('engine/load')

loading('the engine of the family that the folder holds; types narrow by it', async () => {
  await using engine = await load(await tinyModel(), { adapter: testAdapters[0], comet: false })
  assert.is(engine.family, 'misc')
  assert.instance(engine, Misc)
  if (engine.family === 'misc') assert.is(engine.variant, 'paper')
})

loading('the weights’ file is opened twice: to see what it holds, and to read it', async () => {
  const folder = await tinyModel()
  const weights = join(folder, 'model.safetensors')
  const { opened, bytes } = await readsOf(weights, async () => {
    await using _ = await load(folder, { adapter: testAdapters[0], comet: false, tune: false })
  })
  assert.is(opened, 2)
  assert.ok(bytes < 1.5 * statSync(weights).size)
})

loading('a family of which no replies are drawn is named', async () => {
  const folder = await goldenModel('gpt-tiny')
  await refused(() => load(folder), /gpt-tiny: holds a decoder alone, of which no replies are drawn$/)
})

loading.run()
