import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openCheckpoint } from '../../../src/io/checkpoint.js'
import { openSafetensors, type TensorInfo } from '../../../src/io/safetensors.js'
import { type MiscConfig, parseConfig, type Variant } from '../../../src/models/misc/config.js'
import { checkTensors, detectVariant, TIED_COPIES, tensorTable } from '../../../src/models/misc/tensor-names.js'
import { GOLDEN_NAMES, type GoldenName, goldenFolder, goldenModel } from '../../golden.js'
import { sharedPath, skipWithoutShared } from '../../shared.js'
import { refused } from '../../throws.js'

const names = suite('models/misc/tensor-names')

const read = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8'))
const variantOf = (name: string): Variant => (name.endsWith('paper') ? 'paper' : 'released')

/** Sorted lines `name [shape]`. */
function lines(shapes: Iterable<readonly [string, readonly number[]]>): string[] {
  return [...shapes].map(([name, shape]) => `${name} [${shape}]`).sort()
}

function tableAgrees(folder: string, variant: Variant): void {
  const table = tensorTable(parseConfig(read(folder, 'config.json'), folder), variant)
  assert.equal(
    lines(table.map(({ name, shape }) => [name, shape])),
    lines(Object.entries<number[]>(read(folder, 'tensors.json'))),
  )
}

/** A golden model's tensors and config, to be tampered with. */
async function golden(name: GoldenName): Promise<{ tensors: Map<string, TensorInfo>; config: MiscConfig }> {
  await using model = await openCheckpoint(await goldenModel(name))
  return { tensors: new Map(model.tensors), config: parseConfig(model.config, name) }
}

for (const name of GOLDEN_NAMES) {
  names(`the table agrees with ${name}/tensors.json`, () => tableAgrees(goldenFolder(name), variantOf(name)))
}

for (const name of ['misc-odd-paper', 'misc-odd-released'] as const) {
  names(`${name} fits, all tensors accounted for`, async () => {
    const { tensors, config } = await golden(name)
    const { variant, used, unused, tied } = checkTensors(tensors, config, name)
    assert.is(variant, variantOf(name))
    assert.is(detectVariant(tensors), variant)
    assert.is(used.size + unused.length, tensors.size)
    assert.equal(tied, [])
    if (variant === 'paper') assert.equal(unused, [])
    const saved =
      /layerNorm_1|attn_layer_norm_comet|emotion|intensity_head|multi_state|w[tr]e\.|encoder_attn_layer_norm_(strategy|comet|total)/
    for (const info of unused) assert.match(info.name, saved)
    for (const key of used.keys()) assert.not.match(key, saved)
    const identities = [...used.values()].filter(({ role }) => role === 'identity')
    assert.is(identities.length, config.decoderLayers * 4)
    for (const info of identities) assert.match(info.name, /encoder_attn_strategy\.(q|k)_proj\.(weight|bias)$/)
  })
}

names('tied copies and unknown tensors are listed, never fatal', async () => {
  const { tensors, config } = await golden('misc-tiny-paper')
  const shared = tensors.get('model.shared.weight')!
  for (const name of TIED_COPIES) tensors.set(name, { ...shared, name })
  tensors.set('extra', { ...shared, name: 'extra', dtype: 'I64', shape: [] })
  const { used, unused, tied } = checkTensors(tensors, config, 'm')
  assert.equal([unused.map(({ name }) => name), tied.map(({ name }) => name)], [['extra'], [...TIED_COPIES]])
  assert.is(used.get('model.shared.weight')!.name, 'model.shared.weight')
})

names('the embedding may lie under the name of a tied copy', async () => {
  const { tensors, config } = await golden('misc-tiny-paper')
  tensors.set('lm_head.weight', { ...tensors.get('model.shared.weight')!, name: 'lm_head.weight' })
  tensors.delete('model.shared.weight')
  const { used, tied } = checkTensors(tensors, config, 'm')
  assert.is(used.get('model.shared.weight')!.name, 'lm_head.weight')
  assert.equal(tied, [])
})

names('one error names every missing, misshaped and mistyped tensor', async () => {
  const { tensors, config } = await golden('misc-tiny-released')
  const bias = tensors.get('final_logits_bias')!
  tensors.set('final_logits_bias', { ...bias, dtype: 'I32' })
  tensors.set('model.encoder.strategy_head.bias', { ...bias, name: 'model.encoder.strategy_head.bias', shape: [9] })
  tensors.delete('model.decoder.layers.1.fc2.bias')
  tensors.delete('model.encoder.layers.0.muAttn.FN.weight')
  await refused(
    () => checkTensors(tensors, config, 'dir'),
    /^dir: 4 tensors do not fit its config\.json as MISC's released variant: /,
    /final_logits_bias \(dtype I32, expected F32, F16, BF16\)/,
    /strategy_head\.bias \(shape \[9\], expected \[8\]\)/,
    /model\.decoder\.layers\.1\.fc2\.bias \(missing\)/,
    /muAttn\.FN\.weight \(missing\)/,
  )
})

names('a config that disagrees with the shapes is such an error, of bounded length', async () => {
  const { tensors, config } = await golden('misc-tiny-paper')
  await refused(
    () => checkTensors(tensors, { ...config, vocabSize: 299 }, 'm'),
    /2 tensors do not fit.*model\.shared\.weight \(shape \[300,64\], expected \[299,64\]\)/,
  )
  await refused(
    () => checkTensors(tensors, { ...config, encoderLayers: 200 }, 'm'),
    /^m: 3168 tensors do not.*layers\.2\.self_attn\.q_proj\.weight \(missing\).*; and \d+ more; take/,
    /^.{0,2300}$/,
  )
  await refused(() => checkTensors(new Map(), config, 'm'), /MISC's paper variant: .*model\.shared\.weight \(missing\)/)
})

names('the variant is told by any of its parts', async () => {
  const detect = (...keys: string[]) => detectVariant(new Map(keys.map((key) => [key, 0])))
  assert.is(detect('model.shared.weight', 'model.decoder.layers.0.encoder_attn.k_proj.weight'), 'plain')
  assert.is(detect('model.encoder.layers.3.muAttn_st.FN.weight'), 'released')
  assert.is(detect('model.encoder.strategy_head.weight'), 'released')
  assert.is(detect('model.encoder.fusion_layer_norm_post.bias'), 'paper')
  assert.is(detect('model.encoder.strategy_head.dense.weight'), 'paper')
  assert.is(detect('model.decoder.layers.7.encoder_attn_comet_st.k_proj.weight'), 'paper')
})

names.run()

const shared = skipWithoutShared(suite('models/misc/tensor-names shared'), 'compares with the base and plain goldens')
for (const name of ['misc-base-paper', 'misc-base-released']) {
  shared(`the table agrees with ${name}/tensors.json`, () => tableAgrees(sharedPath('golden', name)!, variantOf(name)))
}
for (const [name, extra] of [
  ['bart-tiny', []],
  ['blenderbot-tiny', ['model.decoder.wre.weight', 'model.decoder.wte.weight']],
] as const) {
  shared(`${name} fits as a plain backbone`, async () => {
    await using file = await openSafetensors(sharedPath('golden', name, 'model.safetensors')!)
    const config = parseConfig(read(sharedPath('golden', name)!, 'config.json'), name)
    const { variant, used, unused } = checkTensors(file.tensors, config, name)
    assert.is(variant, 'plain')
    assert.equal(unused.map((info) => info.name).sort(), [...extra])
    assert.is(used.size, file.tensors.size - extra.length)
  })
}
shared.run()
