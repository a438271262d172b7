import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseConfig } from '../../../src/models/misc/config.js'
import { detectVariant, type MiscVariant, miscLayout } from '../../../src/models/misc/layout.js'
import { layoutsOf } from '../../../src/nn/layout.js'
import { GOLDEN_NAMES, goldenFolder } from '../../golden.js'
import { sharedPath, skipWithoutShared } from '../../shared.js'

const layout = suite('models/misc/layout')

const read = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8'))
const variantOf = (name: string): MiscVariant => (name.endsWith('paper') ? 'paper' : 'released')

/** Sorted lines `name [shape]`. */
function lines(shapes: Iterable<readonly [string, readonly number[]]>): string[] {
  return [...shapes].map(([name, shape]) => `${name} [${shape}]`).sort()
}

function tensorsAgree(folder: string, variant: MiscVariant): void {
  const { tensors } = miscLayout(parseConfig(read(folder, 'config.json'), folder), variant)
  assert.equal(
    lines(tensors.map(({ name, shape }) => [name, shape])),
    lines(Object.entries<number[]>(read(folder, 'tensors.json'))),
  )
}

for (const name of GOLDEN_NAMES) {
  layout(`the tensors agree with ${name}/tensors.json`, () => tensorsAgree(goldenFolder(name), variantOf(name)))
}

layout('the variant is told by any of its parts', async () => {
  const detect = (...keys: string[]) => detectVariant(new Map(keys.map((key) => [key, 0])))
  assert.is(detect('model.shared.weight', 'model.decoder.layers.0.encoder_attn.k_proj.weight'), 'plain')
  assert.is(detect('model.encoder.layers.3.muAttn_st.FN.weight'), 'released')
  assert.is(detect('model.encoder.strategy_head.weight'), 'released')
  assert.is(detect('model.encoder.fusion_layer_norm_post.bias'), 'paper')
  assert.is(detect('model.encoder.strategy_head.dense.weight'), 'paper')
  assert.is(detect('model.decoder.layers.7.encoder_attn_comet_st.k_proj.weight'), 'paper')
})

layout(
  'every tensor that counts is part of one tensor on the GPU, out_proj biases of the sources of two, and no other',
  () => {
    for (const variant of ['paper', 'released'] as const) {
      const config = parseConfig(read(goldenFolder('misc-odd-paper'), 'config.json'), 'config.json')
      const { tensors, weights } = miscLayout(config, variant)
      const parts = layoutsOf(weights).flatMap((it) => it.parts.map(({ name }) => name))
      const counting = tensors.filter(({ role }) => role !== 'identity' && role !== 'unused').map(({ name }) => name)
      const ofSources = counting.filter((it) => /encoder_attn(_comet|_comet_st)?\.out_proj\.bias$/.test(it))
      assert.is(ofSources.length, 3 * config.decoderLayers)
      assert.equal(parts.sort(), [...counting, ...ofSources].sort())
    }
  },
)

layout.run()

const shared = skipWithoutShared(suite('models/misc/layout shared'), 'compares with the base goldens')
for (const name of ['misc-base-paper', 'misc-base-released']) {
  shared(`the tensors agree with ${name}/tensors.json`, () =>
    tensorsAgree(sharedPath('golden', name)!, variantOf(name)),
  )
}
shared.run()
