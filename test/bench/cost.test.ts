import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { blockFlops, contextFlops, crossFlops, encodeFlops, fusionFlops } from '../../src/bench/cost.js'
import type { MiscConfig } from '../../src/models/misc/config.js'
import { miscLayout } from '../../src/models/misc/layout.js'
import { describeModel } from '../../src/models/registry.js'
import { JOINT_PROGRAMS } from '../../src/text/joint-programs.js'

const cost = suite('bench/cost')
const config = {
  dModel: 2,
  encoderFfn: 5,
  decoderFfn: 6,
  encoderLayers: 3,
  decoderLayers: 4,
  numStrategies: 7,
  vocabSize: 9,
  maxPositions: 30,
} as MiscConfig
const { weights: paper } = miscLayout(config, 'paper')
const { weights: released } = miscLayout(config, 'released')

cost('context: per layer four d × d products, the feed-forward, and attention within each sequence', () => {
  const layer = 2 * 7 * (4 * 2 * 2 + 2 * 2 * 5) + 4 * (9 + 16) * 2
  assert.is(contextFlops(paper, [3, 4]), 3 * layer)
})

cost('blocks: the last layer for first tokens only', () => {
  const layer = 2 * 7 * (4 * 2 * 2 + 2 * 2 * 5) + 4 * (9 + 16) * 2
  const last = 2 * 7 * (2 * 2 * 2) + 2 * 2 * (2 * 2 * 2 + 2 * 2 * 5) + 4 * (3 + 4) * 2
  assert.is(blockFlops(paper, [3, 4]), 2 * layer + last)
})

cost('fusion: once as printed, after every layer as released; nothing of the context without blocks', () => {
  const attended = 4 * 5 * 11 * 2
  assert.is(fusionFlops(paper, 11, 5), attended + 2 * 2 * 2 + 2 * 2 * 2 * 7)
  const layer = 2 * 11 * 2 * 8 + 3 * (2 * 5 * 2 * 2) + attended
  assert.is(fusionFlops(released, 11, 5), 3 * layer + 2 * 2 * 2 * 7)
  assert.is(fusionFlops(released, 11, 0), 2 * 2 * 2 * 7)
})

cost('cross keys and values: per decoder layer 2d columns for every state, and two products for the strategy', () => {
  assert.is(crossFlops(paper, 16), 4 * (2 * 16 * 2 * 4 + 2 * (2 * 2 * 2)))
})

cost(
  'a plain backbone: encoder, and keys and values of one source; Joint takes a step too; of others nothing is said',
  () => {
    const json = { model_type: 'blenderbot-small', vocab_size: 20, max_position_embeddings: 30, d_model: 2 }
    const sizes = { encoder_layers: 3, decoder_layers: 4, encoder_attention_heads: 1, decoder_attention_heads: 1 }
    const plain = { ...json, ...sizes, encoder_ffn_dim: 5, decoder_ffn_dim: 6 }
    const encoded = 3 * (2 * 7 * (4 * 2 * 2 + 2 * 2 * 5) + 4 * (9 + 16) * 2) + 4 * (2 * 7 * 2 * 2 * 2)
    assert.is(encodeFlops(describeModel(plain, 'config.json'), [3, 4]), encoded)
    const added = JOINT_PROGRAMS.codes_zcj.tokens.map((token, i) => ({ token, id: 12 + i, special: false, file: '' }))
    const layer = 2 * 2 * (6 * 2 * 2 + 2 * 2 * 6) + 4 * (4 + 5) * 2
    const joint = describeModel(plain, 'config.json', undefined, added)
    assert.is(joint.family, 'joint')
    assert.is(encodeFlops(joint, [3, 4]), encoded + 4 * layer + 2 * 2 * 20 * 2)
    const transformer = {
      model_type: 'transformer',
      hidden_dim: 4,
      heads: 1,
      depth: 4,
      filter: 4,
      hop: 1,
      vocab_size: 20,
    }
    assert.is(encodeFlops(describeModel(transformer, 'config.json'), [3, 4]), undefined)
  },
)

cost.run()
