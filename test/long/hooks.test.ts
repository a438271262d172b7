/** What `transformers` computes of the families that it has, by reference/capture.py --hooks. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openSafetensors } from '../../src/io/safetensors.js'
import { goldenModel } from '../golden.js'
import { skipWithoutTransformers, torchPython } from '../python.js'
import { tempFolder } from '../temp.js'
import { assertCaptured, captured, captureProgram } from '../validate/captured.js'
import { changedModel } from '../validate/planted.js'
import type { NewTensor } from '../validate/rewritten.js'

const hooks = suite('reference/capture.py --hooks')
const test = skipWithoutTransformers(
  hooks,
  'it captures models by their classes in transformers, and compares with that',
)
const names = ['bart-tiny', 'blenderbot-tiny', 'gpt-tiny'] as const

/** Values are f32 in the files, and below 8; both sides compute in float64. */
const TOLERANCE = 1e-6

for (const name of names) {
  test(`${name}: the statements, and the GPU, compute what the class computes`, async () => {
    const folder = await goldenModel(name)
    const files = captured(folder, '--hooks')
    for (const [i, file] of captured(folder).entries()) {
      const [ours, theirs] = [await contents(file), await contents(files[i]!)]
      assert.equal([...theirs.tensors.keys()], [...ours.tensors.keys()])
      assert.is(firstApart(ours, theirs), undefined, `case ${i}`)
      assert.match(theirs.source, /^reference\/capture\.py --seed 0 --dtype float64 --hooks, transformers \d+\.\d+/)
    }
    await assertCaptured(folder, files)
  })
}

test('a weight that differs by 1e-4 is told from there on', async () => {
  const nudge = (values: Float32Array) => {
    values[5]! += 1e-4
  }
  const changed = await changedModel({ 'model.decoder.layers.1.fc2.bias': nudge }, 'blenderbot-tiny')
  const [file] = captured(await goldenModel('blenderbot-tiny'))
  const [other] = captured(changed, '--hooks')
  assert.is(firstApart(await contents(file!), await contents(other!)), 'decoder.hidden.2')
})

test("GPT's names as old files have them, with masks and a copy of the embedding", async () => {
  const folder = await goldenModel('gpt-tiny')
  const changes: Record<string, NewTensor | undefined> = {}
  await using file = await openSafetensors(join(folder, 'model.safetensors'))
  for (const { name, shape } of file.tensors.values()) {
    changes[name] = undefined
    const tensor = { shape: [...shape], values: await file.readF32(name) }
    changes[name.replace('transformer.', '')] = tensor
    if (name.endsWith('tokens_embed.weight')) changes['lm_head.weight'] = tensor
  }
  changes['h.0.attn.bias'] = { shape: [1, 1, 48, 48], values: new Float32Array(48 * 48) }
  const [changed] = captured(await changedModel(changes, 'gpt-tiny'), '--hooks')
  const [usual] = captured(folder)
  assert.is(firstApart(await contents(usual!), await contents(changed!)), undefined)
})

test('weights that are not those of the class are named', async () => {
  const changes = {
    'model.encoder.layers.0.fc1.bias': undefined,
    'model.encoder.layers.2.fc1.bias': { shape: [128], values: new Float32Array(128) },
    'model.decoder.layernorm_embedding.bias': { shape: [63], values: new Float32Array(63) },
  }
  const args = [captureProgram, await changedModel(changes, 'bart-tiny'), tempFolder(), '--hooks']
  const { status, stderr } = spawnSync(torchPython()!, args, { encoding: 'utf8' })
  assert.is(status, 1)
  assert.is(
    stderr.trim().split('\n').at(-1),
    '--hooks: the file lacks of BartForConditionalGeneration: model.encoder.layers.0.fc1.bias; ' +
      'holds what is not in BartForConditionalGeneration: model.encoder.layers.2.fc1.bias; ' +
      'has in another shape than BartForConditionalGeneration: model.decoder.layernorm_embedding.bias',
  )
})

interface Contents {
  readonly source: string
  /** Values by name, in the file's order; none of ids and masks. */
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly values: ArrayLike<number> }>
}

async function contents(path: string): Promise<Contents> {
  await using file = await openSafetensors(path)
  const tensors = new Map<string, { shape: readonly number[]; values: ArrayLike<number> }>()
  for (const { name, shape, dtype } of file.tensors.values()) {
    tensors.set(name, { shape, values: dtype === 'I64' ? await file.readI64(name) : await file.readF32(name) })
  }
  return { source: file.metadata.get('source') ?? '', tensors }
}

/** The first tensor whose shape or values are not those of the other file. */
function firstApart(a: Contents, b: Contents): string | undefined {
  for (const [name, { shape, values }] of a.tensors) {
    const other = b.tensors.get(name)
    if (other?.shape.join() !== shape.join()) return name
    for (let i = 0; i < values.length; i++) if (!(Math.abs(values[i]! - other.values[i]!) <= TOLERANCE)) return name
  }
  return undefined
}

hooks.run()
