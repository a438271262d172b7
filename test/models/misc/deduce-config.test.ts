import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openCheckpoint } from '../../../src/io/checkpoint.js'
import type { TensorInfo } from '../../../src/io/safetensors.js'
import { deduceConfig } from '../../../src/models/misc/deduce-config.js'
import { GOLDEN_NAMES, goldenModel } from '../../golden.js'

const deduce = suite('models/misc/deduce-config')

for (const name of GOLDEN_NAMES.filter((it) => !it.includes('eos'))) {
  deduce(`${name}: all that its tensors say is as its config.json has it`, async () => {
    await using model = await openCheckpoint(await goldenModel(name))
    const config = model.config as Record<string, unknown>
    const { known, unknown } = deduceConfig(model.tensors, {})!
    for (const [key, value] of Object.entries(known)) assert.is(value, config[key], key)
    assert.equal([...unknown].sort(), ['decoder_attention_heads', 'encoder_attention_heads', 'scale_embedding'])
    const sizes = ['d_model', 'vocab_size', 'max_position_embeddings', 'num_strategies', 'misc_variant', 'model_type']
    for (const key of [...sizes, 'encoder_layers', 'decoder_layers', 'encoder_ffn_dim', 'decoder_ffn_dim']) {
      assert.ok(key in known, key)
    }
  })
}

const info = (name: string, ...shape: number[]): [string, TensorInfo] => [name, { name, dtype: 'F32', shape }]
const plain = new Map([
  info('lm_head.weight', 100, 8),
  info('model.encoder.embed_positions.weight', 34, 8),
  ...[0, 1, 10].map((i) => info(`model.encoder.layers.${i}.fc1.weight`, 16, 8)),
  info('model.decoder.layers.0.fc1.weight', 24, 8),
])

deduce('a plain backbone does not say of which kind it is, nor so how many positions it has', () => {
  const { known, unknown } = deduceConfig(plain, {})!
  const sizes = {
    vocab_size: 100,
    d_model: 8,
    encoder_layers: 3,
    encoder_ffn_dim: 16,
    decoder_layers: 1,
    decoder_ffn_dim: 24,
  }
  assert.equal(known, sizes)
  assert.ok(unknown.includes('model_type'))
  assert.is(deduceConfig(plain, { model_type: 'bart' })!.known.max_position_embeddings, 32)
  assert.is(deduceConfig(plain, { model_type: 'blenderbot-small' })!.known.max_position_embeddings, 34)
})

deduce('of other tensors it says nothing', () => {
  assert.is(deduceConfig(new Map([info('transformer.wte.weight', 100, 8)]), {}), undefined)
  assert.is(deduceConfig(new Map([info('model.shared.weight', 8)]), {}), undefined)
  assert.is(deduceConfig(new Map(), {}), undefined)
})

deduce.run()
