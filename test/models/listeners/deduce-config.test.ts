import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openCheckpoint } from '../../../src/io/checkpoint.js'
import { deduceListenersConfig } from '../../../src/models/listeners/deduce-config.js'
import { goldenModel, LISTENERS_GOLDENS } from '../../golden.js'

const deduce = suite('models/listeners/deduce-config')

for (const name of LISTENERS_GOLDENS) {
  deduce(`${name}: all that its tensors say is as its config.json has it`, async () => {
    await using model = await openCheckpoint(await goldenModel(name))
    const config = model.config as Record<string, unknown>
    const { known, unknown } = deduceListenersConfig(model.tensors)!
    for (const [key, value] of Object.entries(known)) assert.is(value, config[key], key)
    const missing = Object.keys(config).filter((key) => !(key in known))
    assert.equal(missing, unknown)
  })
}

deduce('of other tensors it says nothing', () => {
  assert.is(deduceListenersConfig(new Map()), undefined)
})

deduce.run()
