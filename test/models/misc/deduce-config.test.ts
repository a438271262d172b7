import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openCheckpoint } from '../../../src/io/checkpoint.js'
import type { TensorInfo } from '../../../src/io/safetensors.js'
import { deduceMiscConfig } from '../../../src/models/misc/deduce-config.js'
import { GOLDEN_NAMES, goldenModel } from '../../golden.js'

const deduce = suite('models/misc/deduce-config')

for (const name of GOLDEN_NAMES.filter((it) => !it.includes('eos'))) {
  deduce(`${name}: all that its tensors say is as its config.json has it`, async () => {
    await using model = await openCheckpoint(await goldenModel(name))
    const config = model.config as Record<string, unknown>
    const { known, unknown } = deduceMiscConfig(model.tensors, {})!
    for (const [key, value] of Object.entries(known)) assert.is(value, config[key], key)
    assert.equal([...unknown].sort(), ['decoder_attention_heads', 'encoder_attention_heads', 'scale_embedding'])
    const sizes = ['d_model', 'vocab_size', 'max_position_embeddings', 'num_strategies', 'misc_variant', 'model_type']
    for (const key of [...sizes, 'encoder_layers', 'decoder_layers', 'encoder_ffn_dim', 'decoder_ffn_dim']) {
      assert.ok(key in known, key)
    }
  })
}

const info = (name: string, ...shape: number[]): [string, TensorInfo] => [name, { name, dtype: 'F32', shape }]
const positions = info('model.encoder.embed_positions.weight', 34, 8)

deduce('on a backbone of BART its positions begin later', () => {
  const tensors = new Map([
    info('lm_head.weight', 100, 8),
    positions,
    info('model.encoder.strategy_embedding.weight', 9, 8),
    info('model.encoder.strategy_head.weight', 8, 8),
  ])
  const { known } = deduceMiscConfig(tensors, { model_type: 'bart' })!
  assert.equal([known.model_type, known.max_position_embeddings, known.num_strategies], ['bart', 32, 8])
  assert.is(deduceMiscConfig(tensors, {})!.known.max_position_embeddings, 34)
})

deduce('of other tensors it says nothing', () => {
  assert.is(deduceMiscConfig(new Map([info('model.shared.weight', 100, 8), positions]), {}), undefined)
  assert.is(deduceMiscConfig(new Map([info('model.encoder.strategy_head.weight', 8, 8)]), {}), undefined)
  assert.is(deduceMiscConfig(new Map(), {}), undefined)
})

deduce.run()
