import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseGptConfig } from '../../../src/models/gpt/config.js'
import { refused } from '../../throws.js'

const config = suite('models/gpt/config')

const json = {
  model_type: 'openai-gpt',
  vocab_size: 320,
  n_positions: 48,
  n_embd: 64,
  n_layer: 3,
  n_head: 4,
  afn: 'gelu',
}

config('reads every field, and leaves others alone', () => {
  const expected = {
    modelType: 'openai-gpt',
    dModel: 64,
    decoderLayers: 3,
    decoderHeads: 4,
    decoderFfn: 256,
    vocabSize: 320,
    maxPositions: 48,
    positionOffset: 0,
    scaleEmbedding: false,
    padId: 0,
    eosIds: [],
    decoderStartId: 0,
  }
  assert.equal(parseGptConfig(json, 'f'), expected)
  const ids = { pad_token_id: 5, bos_token_id: 6, eos_token_id: [7, 8], layer_norm_epsilon: 1e-5, n_ctx: 512 }
  assert.equal(parseGptConfig({ ...json, ...ids }, 'f'), { ...expected, padId: 5, decoderStartId: 6, eosIds: [7, 8] })
})

for (const [parts, cause] of [
  [{ n_embd: undefined }, /n_embd is missing, but must be an integer from 1 to/],
  [{ n_head: 5 }, /n_head is 5, but must be a divisor of n_embd \(64\)/],
  [{ n_layer: 1e9 }, /n_layer is 1000000000/],
  [{ n_positions: 0 }, /n_positions is 0/],
  [{ vocab_size: 2.5 }, /vocab_size is 2\.5/],
  [{ afn: 'relu' }, /afn is "relu", but must be gelu: nothing else is implemented/],
  [{ layer_norm_epsilon: 1e-12 }, /layer_norm_epsilon is 1e-12/],
  [{ model_type: 'gpt2' }, /model_type is "gpt2"/],
  [{ tie_word_embeddings: false }, /tie_word_embeddings is false/],
  [{ pad_token_id: 320 }, /pad_token_id is 320/],
  [{ bos_token_id: -1 }, /bos_token_id is -1/],
  [{ eos_token_id: 320 }, /eos_token_id is 320, but must be an id or a list/],
] as const) {
  config(`refuses ${JSON.stringify(parts)}`, () =>
    refused(() => parseGptConfig({ ...json, ...parts }, 'dir/config.json'), /^dir\/config\.json: /, cause),
  )
}

config.run()
