import { spawnSync } from 'node:child_process'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inspect } from '../../src/cli/inspect.js'
import { openSafetensors } from '../../src/io/safetensors.js'
import { writeSafetensors } from '../../src/io/safetensors-writer.js'
import { goldenModel } from '../golden.js'
import { bytesOf } from '../io/raw-safetensors.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'
import { compiledMain } from './compiled-main.js'

const inspection = suite('cli/inspect')

inspection('describes the released variant', async () => {
  const { variant, architecture, parameters, dtypes, memory, unused, tied, files } = await inspect(
    await goldenModel('misc-odd-released'),
  )
  assert.equal([variant, architecture.d_model, files], ['released', 60, ['model.safetensors']])
  assert.is(parameters.total, 403557)
  assert.is(parameters.used + parameters.unused, parameters.total)
  assert.is(
    Object.values(parameters.by_role).reduce((sum, n) => sum + n, 0),
    parameters.used,
  )
  assert.equal(dtypes, { F32: parameters.total })
  assert.ok(unused.some(({ name }) => name === 'model.encoder.emotion_head.weight'))
  assert.is(
    unused.reduce((sum, { shape }) => sum + shape.reduce((n, size) => n * size, 1), 0),
    parameters.unused,
  )
  assert.equal(tied, [])
  // Of each decoder layer three biases are summed into a fourth.
  assert.is(memory.f32.weights, 4 * (parameters.used - parameters.by_role.identity! - 2 * 3 * 60))
  assert.ok(memory.f16.weights < 0.6 * memory.f32.weights && memory.int8.weights < 0.35 * memory.f32.weights)
  assert.is(memory.f16.self_cache, memory.f32.self_cache)
})

inspection('bytes by role add up to the total of the dtype', async () => {
  for (const dtype of ['f32', 'f16', 'int8'] as const) {
    const { memory, memory_by_role } = await inspect(await goldenModel('misc-tiny-released'), dtype)
    assert.is(memory_by_role.dtype, dtype)
    const { embedding, encoder, fusion, strategy, ...others } = memory_by_role.bytes
    assert.ok(embedding && encoder && fusion && strategy)
    const rest = ['decoder-self', 'decoder-cross', 'decoder-ffn', 'norms-biases', 'self-cache', 'cross-cache']
    assert.equal(Object.keys(others).sort(), rest.sort())
    assert.is(
      Object.values(memory_by_role.bytes).reduce((sum, bytes) => sum + bytes, 0),
      memory[dtype].total,
    )
  }
})

inspection('lists tied copies, which count once', async () => {
  const model = await goldenModel('misc-tiny-paper')
  const out = tempFolder()
  cpSync(join(model, 'config.json'), join(out, 'config.json'))
  await using file = await openSafetensors(join(model, 'model.safetensors'))
  const sources = [...file.tensors.values()].map((info) => ({ ...info, data: () => bytesOf(file, info.name) }))
  const shared = sources.find(({ name }) => name === 'model.shared.weight')!
  await writeSafetensors(join(out, 'model.safetensors'), [...sources, { ...shared, name: 'lm_head.weight' }])
  const { tied, parameters } = await inspect(out)
  assert.equal(tied, [{ name: 'lm_head.weight', dtype: 'F32', shape: [300, 64] }])
  assert.is(parameters.total, 300660)
})

inspection('describes the other families', async () => {
  const bart = await inspect(await goldenModel('bart-tiny'))
  assert.equal([bart.family, bart.variant, bart.architecture.model_type], ['bart', 'plain', 'bart'])
  assert.equal([bart.architecture.position_offset, bart.unused], [2, []])
  // Layers × keys and values × positions × width × 4 bytes: of the output, and of the input.
  assert.equal([bart.memory.f32.self_cache, bart.memory.f32.cross_cache], [65536, 65536])
  const gpt = await inspect(await goldenModel('gpt-tiny'), 'int8')
  assert.equal([gpt.family, gpt.variant, gpt.architecture.decoder_layers], ['gpt', 'plain', 3])
  assert.equal([gpt.memory.f32.self_cache, gpt.memory.f32.cross_cache], [3 * 2 * 48 * 64 * 4, 0])
  assert.is(gpt.memory.f32.weights, 4 * gpt.parameters.used)
  assert.equal(Object.keys(gpt.memory_by_role.bytes).sort(), [
    ...['cross-cache', 'decoder-ffn', 'decoder-self', 'embedding', 'norms-biases', 'self-cache'],
  ])
})

inspection('refuses a folder without a model', () => refused(() => inspect(tempFolder()), /has no config\.json/))

inspection('as a command: one JSON document, or a report', async () => {
  const model = await goldenModel('misc-tiny-released')
  const misc = (...args: string[]) =>
    spawnSync(process.execPath, [compiledMain, 'inspect', ...args], { encoding: 'utf8' })
  const json = misc(model, '--json')
  assert.equal([json.status, json.stderr], [0, ''])
  assert.equal(JSON.parse(json.stdout), await inspect(model))
  const { stdout } = misc(model, '--dtype', 'int8')
  assert.match(stdout, /variant released: .* after every encoder layer/)
  assert.match(stdout, /391,372: 380,564 used, 10,808 unused/)
  assert.match(stdout, /model\.decoder\.wte\.weight F32 \[128,64\]/)
  assert.match(stdout, /^in int8, by role$/m)
  const gpt = misc(await goldenModel('gpt-tiny')).stdout
  assert.match(gpt, /^architecture {2}openai-gpt: a decoder alone, /m)
  assert.match(gpt, /^ {2}decoder {5}3 layers, width 64, 4 heads, FFN 256$/m)
  assert.not.match(gpt, /encoder {2}/)
  const none = misc('/no/such/model')
  assert.equal([none.status, none.stdout], [2, ''])
  assert.match(none.stderr, /^misc: \/no\/such\/model: no such folder; check the path\n$/)
})

inspection.run()
