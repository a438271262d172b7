import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openCheckpoint } from '../../../src/io/checkpoint.js'
import type { TensorInfo } from '../../../src/io/safetensors.js'
import { deduceGptConfig } from '../../../src/models/gpt/deduce-config.js'
import { goldenModel } from '../../golden.js'
import { changedGpt, rawNames } from './raw-names.js'

const deduce = suite('models/gpt/deduce-config')

const names = {
  "Hugging Face's": (folder: string) => folder,
  "Hugging Face's, of the model without its head": (folder: string) =>
    changedGpt(folder, (tensors) => new Map([...tensors].map(([name, it]) => [name.replace('transformer.', ''), it]))),
  "COMET-2019's": (folder: string) => changedGpt(folder, (tensors) => rawNames(tensors, '')),
}

for (const [whose, change] of Object.entries(names)) {
  deduce(`by ${whose} names: all but the heads is as config.json has it`, async () => {
    await using model = await openCheckpoint(await change(await goldenModel('gpt-tiny')))
    const config = model.config as Record<string, unknown>
    const { known, unknown } = deduceGptConfig(model.tensors, {})!
    assert.equal(Object.keys(known).sort(), ['model_type', 'n_embd', 'n_layer', 'n_positions', 'vocab_size'])
    for (const [key, value] of Object.entries(known)) assert.is(value, config[key], key)
    assert.equal(unknown, ['n_head'])
  })
}

deduce('without its buffers, one table does not say where positions begin', () => {
  const info: TensorInfo = { name: 'transformer.embed.weight', dtype: 'F32', shape: [100, 8] }
  const tensors = new Map([[info.name, info]])
  const asked = deduceGptConfig(tensors, {})!
  assert.equal([asked.known.vocab_size, asked.unknown], [undefined, ['n_head', 'n_positions']])
  const told = deduceGptConfig(tensors, { n_positions: 20 })!
  assert.equal([told.known.vocab_size, told.unknown], [80, ['n_head']])
})

deduce('of other tensors it says nothing', () => {
  const info: TensorInfo = { name: 'transformer.wte.weight', dtype: 'F32', shape: [100, 8] }
  assert.is(deduceGptConfig(new Map([[info.name, info]]), {}), undefined)
  assert.is(deduceGptConfig(new Map(), {}), undefined)
})

deduce.run()
