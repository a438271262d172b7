import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openCheckpoint } from '../../../src/io/checkpoint.js'
import type { TensorInfo } from '../../../src/io/safetensors.js'
import { deduceBartConfig } from '../../../src/models/bart/deduce-config.js'
import { goldenModel } from '../../golden.js'

const deduce = suite('models/bart/deduce-config')

for (const name of ['bart-tiny', 'blenderbot-tiny'] as const) {
  deduce(`${name}: all that its tensors say is as its config.json has it, once its kind is known`, async () => {
    await using model = await openCheckpoint(await goldenModel(name))
    const config = model.config as Record<string, unknown>
    const { known, unknown } = deduceBartConfig(model.tensors, config)!
    for (const [key, value] of Object.entries(known)) assert.is(value, config[key], key)
    for (const key of ['d_model', 'vocab_size', 'max_position_embeddings', 'encoder_layers', 'decoder_ffn_dim']) {
      assert.ok(key in known, key)
    }
    assert.equal(unknown, ['model_type', 'encoder_attention_heads', 'decoder_attention_heads', 'scale_embedding'])
  })
}

const info = (name: string, ...shape: number[]): [string, TensorInfo] => [name, { name, dtype: 'F32', shape }]
const plain = new Map([
  info('lm_head.weight', 100, 8),
  info('model.encoder.embed_positions.weight', 34, 8),
  ...[0, 1, 10].map((i) => info(`model.encoder.layers.${i}.fc1.weight`, 16, 8)),
  info('model.decoder.layers.0.fc1.weight', 24, 8),
])

deduce('the tensors do not say of which kind it is, nor so how many positions it has', () => {
  const sizes = {
    vocab_size: 100,
    d_model: 8,
    encoder_layers: 3,
    encoder_ffn_dim: 16,
    decoder_layers: 1,
    decoder_ffn_dim: 24,
  }
  assert.equal(deduceBartConfig(plain, {})!.known, sizes)
  assert.is(deduceBartConfig(plain, { model_type: 'bart' })!.known.max_position_embeddings, 32)
  assert.is(deduceBartConfig(plain, { model_type: 'blenderbot-small' })!.known.max_position_embeddings, 34)
})

deduce('of other tensors it says nothing', () => {
  assert.is(deduceBartConfig(new Map([info('transformer.wte.weight', 100, 8)]), {}), undefined)
  assert.is(deduceBartConfig(new Map([info('model.shared.weight', 8)]), {}), undefined)
  assert.is(deduceBartConfig(new Map(), {}), undefined)
})

deduce.run()
