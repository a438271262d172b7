import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openCheckpoint } from '../../src/io/checkpoint.js'
import { openSafetensors, type TensorInfo } from '../../src/io/safetensors.js'
import type { Variant } from '../../src/models/misc/config.js'
import { describeModel, recognizeModel } from '../../src/models/registry.js'
import { TIED_COPIES } from '../../src/nn/layout.js'
import { type GoldenName, goldenModel, LISTENERS_GOLDENS } from '../golden.js'
import { sharedPath, skipWithoutShared } from '../shared.js'
import { refused } from '../throws.js'

const registry = suite('models/registry')

const read = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8'))
const variantOf = (name: string): Variant => (name.endsWith('paper') ? 'paper' : 'released')

/** A golden model's tensors and config.json, to be tampered with. */
async function golden(name: GoldenName): Promise<{ tensors: Map<string, TensorInfo>; config: Config }> {
  await using model = await openCheckpoint(await goldenModel(name))
  return { tensors: new Map(model.tensors), config: model.config as Config }
}

type Config = Record<string, unknown>
const recognize = (tensors: ReadonlyMap<string, TensorInfo>, config: Config, source = 'm') =>
  recognizeModel({ tensors, config, configFile: 'config.json' }, source)

for (const name of ['misc-odd-paper', 'misc-odd-released'] as const) {
  registry(`${name} fits, all tensors accounted for`, async () => {
    const { tensors, config } = await golden(name)
    const { variant, tensors: found } = recognize(tensors, config)
    const { used, unused, tied } = found
    assert.is(variant, variantOf(name))
    assert.is(used.size + unused.length, tensors.size)
    assert.equal(tied, [])
    if (variant === 'paper') assert.equal(unused, [])
    const saved =
      /layerNorm_1|attn_layer_norm_comet|emotion|intensity_head|multi_state|w[tr]e\.|encoder_attn_layer_norm_(strategy|comet|total)/
    for (const info of unused) assert.match(info.name, saved)
    for (const key of used.keys()) assert.not.match(key, saved)
    const identities = [...used.values()].filter(({ role }) => role === 'identity')
    assert.is(identities.length, Number(config.decoder_layers) * 4)
    for (const info of identities) assert.match(info.name, /encoder_attn_strategy\.(q|k)_proj\.(weight|bias)$/)
  })
}

for (const name of LISTENERS_GOLDENS) {
  registry(`${name} fits, all tensors accounted for; what nothing reads may be missing`, async () => {
    const { tensors, config } = await golden(name)
    const { used, unused, tied } = recognize(tensors, config).tensors
    assert.equal([used.size + unused.length, tied], [tensors.size, []])
    const saved =
      /p_gen_linear|posterior|e_weight|logvar_prior_negative/.source + (name === 'mime-tiny' ? '|decoder_key' : '')
    for (const { name } of unused) assert.match(name, new RegExp(saved))
    for (const key of used.keys()) assert.not.match(key, new RegExp(saved))
    for (const { name } of unused) tensors.delete(name)
    assert.is(recognize(tensors, config).tensors.used.size, used.size)
  })
}

registry('tied copies and unknown tensors are listed, never fatal', async () => {
  const { tensors, config } = await golden('misc-tiny-paper')
  const shared = tensors.get('model.shared.weight')!
  for (const name of TIED_COPIES) tensors.set(name, { ...shared, name })
  tensors.set('extra', { ...shared, name: 'extra', dtype: 'I64', shape: [] })
  const { used, unused, tied } = recognize(tensors, config).tensors
  assert.equal([unused.map(({ name }) => name), tied.map(({ name }) => name)], [['extra'], [...TIED_COPIES]])
  assert.is(used.get('model.shared.weight')!.name, 'model.shared.weight')
})

registry('the embedding may lie under the name of a tied copy', async () => {
  const { tensors, config } = await golden('misc-tiny-paper')
  tensors.set('lm_head.weight', { ...tensors.get('model.shared.weight')!, name: 'lm_head.weight' })
  tensors.delete('model.shared.weight')
  const { used, tied } = recognize(tensors, config).tensors
  assert.is(used.get('model.shared.weight')!.name, 'lm_head.weight')
  assert.equal(tied, [])
})

registry('one error names every missing, misshaped and mistyped tensor', async () => {
  const { tensors, config } = await golden('misc-tiny-released')
  const bias = tensors.get('final_logits_bias')!
  tensors.set('final_logits_bias', { ...bias, dtype: 'I32' })
  tensors.set('model.encoder.strategy_head.bias', { ...bias, name: 'model.encoder.strategy_head.bias', shape: [9] })
  tensors.delete('model.decoder.layers.1.fc2.bias')
  tensors.delete('model.encoder.layers.0.muAttn.FN.weight')
  await refused(
    () => recognize(tensors, config, 'dir'),
    /^dir: 4 tensors do not fit its config\.json as MISC's released variant: /,
    /final_logits_bias \(dtype I32, expected F32, F16, BF16\)/,
    /strategy_head\.bias \(shape \[9\], expected \[8\]\)/,
    /model\.decoder\.layers\.1\.fc2\.bias \(missing\)/,
    /muAttn\.FN\.weight \(missing\)/,
  )
})

registry('a config that disagrees with the shapes is such an error, of bounded length', async () => {
  const { tensors, config } = await golden('misc-tiny-paper')
  await refused(
    () => recognize(tensors, { ...config, vocab_size: 299 }),
    /2 tensors do not fit.*model\.shared\.weight \(shape \[300,64\], expected \[299,64\]\)/,
  )
  await refused(
    () => recognize(tensors, { ...config, encoder_layers: 200 }),
    /^m: 3168 tensors do not.*layers\.2\.self_attn\.q_proj\.weight \(missing\).*; and \d+ more; take/,
    /^.{0,2300}$/,
  )
  await refused(() => recognize(new Map(), config), /MISC's paper variant: .*model\.shared\.weight \(missing\)/)
})

registry('config.json tells the family, and the tensors tell MISC from its backbone', async () => {
  const family = (config: Config, ...tensors: string[]) =>
    describeModel(config, 'config.json', tensors.length > 0 ? new Map(tensors.map((it) => [it, 0])) : undefined)
  const { config } = await golden('misc-tiny-paper')
  const { config: gpt } = await golden('gpt-tiny')
  const bart = { ...config, model_type: 'bart', misc_variant: undefined }
  const shared = 'model.shared.weight'
  for (const [description, expected] of [
    [family(config), 'misc paper'],
    [family({ ...config, misc_variant: 'released' }), 'misc released'],
    [family({ ...config, misc_variant: undefined }, shared), 'misc paper'],
    [family(config, 'model.encoder.layers.0.muAttn.FN.weight'), 'misc released'],
    [family(bart), 'bart plain'],
    [family({ ...config, misc_variant: 'plain' }), 'bart plain'],
    [family(bart, shared), 'bart plain'],
    [family(bart, shared, 'model.encoder.strategy_head.weight'), 'misc released'],
    [family({ ...bart, model_type: undefined }, shared), 'bart plain'],
    [family(gpt), 'gpt plain'],
    [family(gpt, 'transformer.embed.weight'), 'gpt plain'],
    [family((await golden('transformer-tiny')).config), 'listeners plain'],
    [family((await golden('moel-tiny')).config, 'decoder.basic.layer_norm_ffn.beta'), 'listeners plain'],
    [family((await golden('mime-tiny')).config), 'listeners plain'],
  ] as const) {
    assert.is(`${description.family} ${description.variant}`, expected)
  }
  const types =
    /model_type is "t5", but must be misc or blenderbot-small or bart or openai-gpt or transformer or moel or mime/
  await refused(() => family({ ...config, model_type: 't5' }), types)
  const { config: moel } = await golden('moel-tiny')
  await refused(
    () => family(moel, 'encoder.act_fn.p.weight'),
    /^config\.json: the checkpoint holds encoder\.act_fn\.p\.weight/,
  )
})

registry.run()

const shared = skipWithoutShared(suite('models/registry shared'), 'compares with the plain goldens')
for (const [name, extra] of [
  ['bart-tiny', []],
  ['blenderbot-tiny', ['model.decoder.wre.weight', 'model.decoder.wte.weight']],
] as const) {
  shared(`${name} fits as a plain backbone`, async () => {
    await using file = await openSafetensors(sharedPath('golden', name, 'model.safetensors')!)
    const { family, tensors } = recognize(file.tensors, read(sharedPath('golden', name)!, 'config.json'))
    const { used, unused } = tensors
    assert.is(family, 'bart')
    assert.equal(unused.map((info) => info.name).sort(), [...extra])
    assert.is(used.size, file.tensors.size - extra.length)
  })
}
shared.run()
