import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseConfig } from '../../../src/models/misc/config.js'
import { goldenFolder } from '../../golden.js'
import { sharedPath, skipWithoutShared } from '../../shared.js'
import { refused } from '../../throws.js'

const config = suite('models/misc/config')

const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'))
const odd = read(join(goldenFolder('misc-odd-released'), 'config.json'))
const expected = {
  modelType: 'misc',
  variant: 'released',
  dModel: 60,
  encoderLayers: 3,
  decoderLayers: 2,
  encoderHeads: 3,
  decoderHeads: 3,
  encoderFfn: 100,
  decoderFfn: 100,
  vocabSize: 301,
  maxPositions: 80,
  positionOffset: 0,
  scaleEmbedding: true,
  padId: 0,
  bosId: 1,
  eosIds: [2],
  decoderStartId: 1,
  numStrategies: 8,
  maxPostBlocks: 30,
  maxSituationBlocks: 20,
  maxBlockLength: 10,
}

config('reads every field', () => {
  assert.equal(parseConfig(odd, 'config.json'), expected)
})

config('leaves unknown keys alone, and takes null for missing', () => {
  const json = { ...odd, id2label: { 0: 'x' }, misc_variant: null, num_strategies: null, normalize_before: false }
  const { variant: _, ...rest } = expected
  assert.equal(parseConfig(json, 'config.json'), rest)
})

config('fills in what a backbone’s config may leave out', () => {
  const required = Object.entries(odd).filter(([key]) => /^(d_model|encoder_|decoder_(l|a|f)|vocab|max_)/.test(key))
  const json = Object.fromEntries(required)
  const { modelType, scaleEmbedding, padId, bosId, eosIds, decoderStartId, numStrategies } = parseConfig(json, 'f')
  assert.equal([modelType, scaleEmbedding, padId, bosId], ['blenderbot-small', false, 0, 1])
  assert.equal([eosIds, decoderStartId, numStrategies], [[2], 1, 8])
  const bart = parseConfig({ ...json, model_type: 'bart' }, 'f')
  assert.equal([bart.padId, bart.bosId, bart.eosIds, bart.decoderStartId], [1, 0, [2], 2])
})

for (const [parts, cause] of [
  [{ d_model: undefined }, /d_model is missing, but must be an integer from 1 to/],
  [{ d_model: 0 }, /d_model is 0/],
  [{ d_model: 60.5 }, /d_model is 60.5/],
  [{ d_model: '60' }, /d_model is "60"/],
  [{ d_model: 1e9 }, /d_model is 1000000000, but must be an integer from 1 to 16384/],
  [{ encoder_layers: -1 }, /encoder_layers is -1/],
  [{ decoder_layers: 1e9 }, /decoder_layers/],
  [{ encoder_attention_heads: 7 }, /encoder_attention_heads is 7, but must be a divisor of d_model \(60\)/],
  [{ decoder_attention_heads: 0 }, /decoder_attention_heads is 0/],
  [{ encoder_ffn_dim: [] }, /encoder_ffn_dim is \[\]/],
  [{ decoder_ffn_dim: true }, /decoder_ffn_dim is true/],
  [{ vocab_size: 2 ** 31 }, /vocab_size/],
  [{ max_position_embeddings: 0 }, /max_position_embeddings/],
  [{ pad_token_id: 301 }, /pad_token_id is 301, but must be an integer from 0 to 300/],
  [{ bos_token_id: -1 }, /bos_token_id is -1/],
  [{ eos_token_id: [2, 301] }, /eos_token_id is \[2,301\], but must be an id or a list of 1 to 64 ids from 0 to 300/],
  [{ eos_token_id: [] }, /eos_token_id is \[\]/],
  [{ eos_token_id: [[2]] }, /eos_token_id is \[\[2\]\]/],
  [{ eos_token_id: Array.from({ length: 65 }, (_, id) => id) }, /eos_token_id is \[0,1,.*a list of 1 to 64 ids/],
  [{ decoder_start_token_id: 999 }, /decoder_start_token_id is 999/],
  [{ num_strategies: 0 }, /num_strategies is 0/],
  [{ scale_embedding: 1 }, /scale_embedding is 1, but must be true or false/],
  [{ activation_function: 'relu' }, /activation_function is "relu", but must be gelu/],
  [{ normalize_before: true }, /normalize_before is true, but must be false/],
  [{ tie_word_embeddings: false }, /tie_word_embeddings is false/],
  [{ model_type: 'gpt2' }, /model_type is "gpt2", but must be misc or blenderbot-small or bart/],
  [{ model_type: ['misc'] }, /model_type is \["misc"\]/],
  [{ misc_variant: 'other' }, /misc_variant is "other", but must be paper or released/],
  [{ misc_variant: 'x'.repeat(999) }, /misc_variant is "x{100,120}…, but/],
] as const) {
  config(`refuses ${JSON.stringify(parts).slice(0, 50)}`, () =>
    refused(() => parseConfig({ ...odd, ...parts }, 'dir/config.json'), /^dir\/config\.json: /, cause),
  )
}

config('takes one id or several that end a reply, each once', () => {
  for (const [value, ids] of [
    [5, [5]],
    [[5], [5]],
    [
      [2, 5, 2],
      [2, 5],
    ],
  ] as const) {
    assert.equal(parseConfig({ ...odd, eos_token_id: value }, 'f').eosIds, ids)
  }
})

config('refuses what is not an object', async () => {
  for (const json of [null, [], 'x', 1]) await refused(() => parseConfig(json, 'f'), /f: is not a JSON object/)
})

config('a value that is nested too deeply to be written is refused', () =>
  refused(
    () => parseConfig({ d_model: JSON.parse('['.repeat(20_000) + ']'.repeat(20_000)) }, 'config.json'),
    /config\.json: d_model is \[object Array\], but must be an integer/,
  ),
)

config.run()

const shared = skipWithoutShared(suite('models/misc/config shared'), 'reads the configs of ../shared')
for (const name of ['golden/bart-tiny', 'golden/blenderbot-tiny', 'golden/misc-base-released', 'data/tokenizer']) {
  shared(`reads that of ${name}`, () => {
    const { dModel, encoderHeads } = parseConfig(read(sharedPath(name, 'config.json')!), name)
    assert.ok(dModel % encoderHeads === 0)
  })
}
shared.run()
