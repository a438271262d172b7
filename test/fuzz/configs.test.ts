import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { elementCount } from '../../src/io/dtype.js'
import { deduceConfig, describeModel, recognizeModel } from '../../src/models/registry.js'
import { bracketed, STRATEGIES } from '../../src/text/strategies.js'
import { kindsOf } from './cases.js'
import { changed, jsonOf, oddNumber, oddText, rarely } from './values.js'

const configs = kindsOf('configs')

const backbone = {
  ...{ d_model: 8, encoder_layers: 1, decoder_layers: 2, encoder_attention_heads: 2, decoder_attention_heads: 4 },
  ...{ encoder_ffn_dim: 16, decoder_ffn_dim: 16, vocab_size: 40, max_position_embeddings: 32, scale_embedding: true },
  ...{ activation_function: 'gelu', normalize_before: false, pad_token_id: 0, bos_token_id: 1, eos_token_id: 2 },
}
const listeners = {
  hidden_dim: 8,
  emb_dim: 8,
  heads: 2,
  depth: 8,
  filter: 16,
  hop: 1,
  vocab_size: 40,
  num_emotions: 32,
}
/** A config of each family. */
const base = fc.constantFrom<Record<string, unknown>>(
  { ...backbone, model_type: 'misc', misc_variant: 'paper', num_strategies: 8 },
  { ...backbone, model_type: 'misc', misc_variant: 'released' },
  { ...backbone, model_type: 'bart', decoder_start_token_id: 2, forced_eos_token_id: 2 },
  { ...backbone, eos_token_id: [2, 3] },
  { model_type: 'openai-gpt', n_embd: 8, n_layer: 2, n_head: 2, vocab_size: 40, n_positions: 16, afn: 'gelu' },
  { ...listeners, model_type: 'transformer', weight_sharing: true },
  { ...listeners, model_type: 'moel', topk: 5 },
  { ...listeners, model_type: 'mime', pointer_gen: false },
)
const config = fc.oneof(base, changed(base), changed(base, oddNumber))

const joint = STRATEGIES.map((name, i) => ({
  token: bracketed(name),
  id: 30 + i,
  special: false,
  file: 'added_tokens.json',
}))
const added = changed(
  fc.constantFrom([], joint, joint.toReversed()),
  fc.oneof(fc.nat(50), fc.constant('[xReact]')),
).filter(
  (it): it is typeof joint =>
    Array.isArray(it) && it.every((one) => typeof one?.token === 'string' && Number.isInteger(one.id) && one.id >= 0),
)

/** Tensors are whole, named once, and of sizes that can be counted. */
function checkDescription(description: ReturnType<typeof describeModel>): void {
  const { config, layout } = description
  for (const [key, value] of Object.entries(config)) {
    if (typeof value === 'number' && key !== 'leastListener') assert.ok(Number.isSafeInteger(value) && value >= 0, key)
  }
  for (const id of [config.padId, config.decoderStartId, ...config.eosIds]) assert.ok(id < config.vocabSize)
  assert.is(new Set(layout.tensors.map(({ name }) => name)).size, layout.tensors.length)
  for (const { name, shape } of layout.tensors) {
    assert.ok(
      shape.every((size) => Number.isSafeInteger(size) && size > 0),
      name,
    )
    assert.ok(Number.isSafeInteger(elementCount(shape)), name)
  }
}

configs.add({
  name: 'a config.json of any family describes a model that can be, or is refused',
  cases: fc.tuple(config.map(jsonOf), fc.oneof(fc.constant([]), added)),
  read: ([text, added]) => checkDescription(describeModel(parsed(text), 'config.json', undefined, added)),
})

const shapes = fc.record({
  drop: rarely(fc.nat()),
  rename: rarely(fc.tuple(fc.nat(), oddText)),
  reshape: rarely(fc.tuple(fc.nat(), fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 3 }))),
})

configs.add({
  name: 'so do a config.json and tensors, or tensors alone',
  cases: fc.tuple(base, fc.oneof(fc.constant('{}'), config.map(jsonOf)), shapes),
  read: ([base, text, { drop, rename, reshape }]) => {
    const infos = describeModel(base, 'config.json').layout.tensors.map(({ name, shape }) => ({
      name,
      shape,
      dtype: 'F32' as const,
    }))
    if (reshape) infos[reshape[0] % infos.length] = { ...infos[reshape[0] % infos.length]!, shape: reshape[1] }
    if (rename) infos[rename[0] % infos.length] = { ...infos[rename[0] % infos.length]!, name: rename[1] }
    if (drop !== null) infos.splice(drop % infos.length, 1)
    const tensors = new Map(infos.map((it) => [it.name, it]))
    const known = deduceConfig(tensors, base)?.known ?? {}
    for (const value of Object.values(known)) assert.ok(typeof value !== 'number' || Number.isInteger(value))
    const given = parsed(text)
    const json = text === '{}' ? { ...base, ...known } : given
    const found = recognizeModel({ config: json, configFile: 'config.json', tensors }, 'model')
    checkDescription(found)
  },
})

/** A text that is no JSON is refused before anyone looks at what it says. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

configs.run()
