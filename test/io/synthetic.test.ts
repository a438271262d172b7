import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openSafetensors } from '../../src/io/safetensors.js'
import { syntheticChunks } from '../../src/io/synthetic.js'
import { FAMILY_GOLDENS, GOLDEN_NAMES, goldenModel } from '../golden.js'
import { sharedPath, skipWithoutShared } from '../shared.js'

const synthetic = suite('io/synthetic')

function all(name: string, shape: number[], seed: number): number[] {
  return [...syntheticChunks(name, shape, seed)].flatMap((chunk) => [...chunk])
}

/** The formula, one element at a time, in exact integers. */
function u(name: string, index: number, seed: number): number {
  let hash = 0x811c9dc5n
  for (const byte of Buffer.from(name)) hash = ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffffffffn
  let x = (BigInt(index) + hash + BigInt(seed) * 0x9e3779b9n) & 0xffffffffn
  x ^= x >> 16n
  x = (x * 0x7feb352dn) & 0xffffffffn
  x ^= x >> 15n
  x = (x * 0x846ca68bn) & 0xffffffffn
  x ^= x >> 16n
  return (Number(x) / 2 ** 32) * 2 - 1
}

synthetic('each kind of name has its range', () => {
  for (const [name, value] of [
    ['a.batchNorm_x.running_var', (v: number) => 1 + 0.5 * v],
    ['a.batchNorm_x.running_mean', (v: number) => 0.5 * v],
    ['a.batchNorm_x.weight', (v: number) => 1 + 0.1 * v],
    ['a.multi_state_LayerNorm.bias', (v: number) => 0.1 * v],
    ['a.layernorm_embedding.weight', (v: number) => 1 + 0.1 * v],
    ['a.self_attn_layer_norm.weight', (v: number) => 1 + 0.1 * v],
    ['a.layer_norm_mha.gamma', (v: number) => 1 + 0.1 * v],
    ['a.layer_norm_mha.beta', (v: number) => 0.1 * v],
    ['h.0.ln_1.weight', (v: number) => 1 + 0.1 * Math.fround(v * Math.sqrt(3 / 7))],
    ['h.0.ln_2.bias', (v: number) => 0.05 * v],
    ['a.fc1.bias', (v: number) => 0.05 * v],
    ['final_logits_bias', (v: number) => 0.05 * v],
    ['model.shared.weight', (v: number) => v / Math.sqrt(7)],
    ['a.embed_positions.weight', (v: number) => v / Math.sqrt(7)],
    ['lm_head.weight', (v: number) => v / Math.sqrt(7)],
    ['a.fc1.weight', (v: number) => v * Math.sqrt(3 / 7)],
    ['é.weight', (v: number) => v * Math.sqrt(3 / 7)],
  ] as const) {
    for (const seed of [0, 3, 2 ** 40 + 1]) {
      const expected = Array.from({ length: 14 }, (_, i) => Math.fround(value(u(name, i, seed))))
      assert.equal(all(name, [2, 7], seed), expected, `${name} seed ${seed}`)
    }
  }
})

synthetic('a filter counts its width with what it sums over', () => {
  const name = 'a.layers.0.conv.weight'
  const expected = Array.from({ length: 42 }, (_, i) => Math.fround(u(name, i, 2) * Math.sqrt(3 / 21)))
  assert.equal(all(name, [2, 7, 3], 2), expected)
})

synthetic('long tensors go on over chunks; empty ones give nothing', () => {
  const [first, second, ...rest] = [...syntheticChunks('w', [1_100_000], 5)].map((chunk) => chunk.length)
  assert.equal([first, second, rest], [1 << 20, 1_100_000 - (1 << 20), []])
  let last = Number.NaN
  for (const chunk of syntheticChunks('w', [1_100_000], 5)) last = chunk.at(-1)!
  assert.is(last, Math.fround(u('w', 1_099_999, 5) * Math.sqrt(3 / 1_100_000)))
  assert.equal(all('w', [3, 0], 1), [])
  assert.is(all('w', [], 1).length, 1)
})

synthetic.run()

const golden = skipWithoutShared(suite('io/synthetic golden'), 'compares synthetic models with the golden files')
for (const name of GOLDEN_NAMES) {
  golden(`${name} is the golden file, byte by byte`, async () => {
    const made = readFileSync(join(await goldenModel(name), 'model.safetensors'))
    assert.ok(made.equals(readFileSync(sharedPath('golden', name, 'model.safetensors')!)))
  })
}
// Their files have another order, and blenderbot-tiny two tensors that no forward pass reads.
for (const name of FAMILY_GOLDENS) {
  golden(`${name} has the golden file's tensors, byte by byte`, async () => {
    await using made = await openSafetensors(join(await goldenModel(name), 'model.safetensors'))
    await using file = await openSafetensors(sharedPath('golden', name, 'model.safetensors')!)
    const missing = [...file.tensors.keys()].filter((it) => !made.tensors.has(it))
    assert.equal(
      missing.filter((it) => !/decoder\.w[tr]e\.weight$/.test(it)),
      [],
    )
    for (const key of made.tensors.keys()) {
      assert.ok(Buffer.from(await made.readBytes(key)).equals(Buffer.from(await file.readBytes(key))), key)
    }
  })
}
golden.run()
