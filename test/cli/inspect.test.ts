import { cpSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inspect } from '../../src/cli/inspect.js'
import { openSafetensors } from '../../src/io/safetensors.js'
import { writeSafetensors } from '../../src/io/safetensors-writer.js'
import { describeModel } from '../../src/models/registry.js'
import { goldenModel } from '../golden.js'
import { testAdapters } from '../gpu.js'
import { bytesOf } from '../io/raw-safetensors.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'
import { misc } from './in-process.js'

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
  // Biases of out_projs are there once for their sum, and three for the sources that have rows.
  assert.is(memory.f32.weights, 4 * (parameters.used - parameters.by_role.identity!))
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
  const moel = await inspect(await goldenModel('moel-tiny'))
  assert.equal([moel.family, moel.title], ['listeners', 'MoEL, which hears 5 of 11 listeners'])
  // Five listeners, the basic one, and a layer behind them: keys and values of 1000 positions, and the rows before convolutions.
  assert.is(moel.memory.f32.self_cache, 7 * (2 * 1000 * 20 + 3 * (36 + 24)) * 4)
  assert.is(moel.memory.f32.cross_cache, (7 * 2 * 1000 * 20 + 2 * 6) * 4)
})

/** A BART of one layer and BART-large's width, in a file that takes no room. */
function wideBart(vocabulary: number): string {
  const folder = tempFolder()
  const config = {
    model_type: 'bart',
    d_model: 1024,
    ...{ encoder_layers: 1, decoder_layers: 1, encoder_attention_heads: 16, decoder_attention_heads: 16 },
    ...{ encoder_ffn_dim: 4096, decoder_ffn_dim: 4096, vocab_size: vocabulary, max_position_embeddings: 1024 },
  }
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  let end = 0
  const entries = describeModel(config, 'config.json').layout.tensors.map(({ name, shape }) => {
    const start = end
    end += 4 * shape.reduce((product, size) => product * size, 1)
    return [name, { dtype: 'F32', shape, data_offsets: [start, end] }]
  })
  const header = JSON.stringify(Object.fromEntries(entries))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  const file = join(folder, 'model.safetensors')
  writeFileSync(file, Buffer.concat([length, Buffer.from(header)]))
  truncateSync(file, 8 + header.length + end)
  return folder
}

inspection('BART-large’s embedding fits on every adapter, in parts in f32', async () => {
  const { fit, adapter } = await inspect(wideBart(50265))
  assert.equal(adapter, { name: null, max_buffer: 2 ** 28, max_binding: 2 ** 27 })
  const table = { name: 'model.shared.weight', bytes: 50265 * 1024 * 4 }
  const rows = { name: 'hidden rows', bytes: 1024 * 4096 * 4 }
  assert.equal(fit.f32, { fits: true, largest_matrix: table, largest_other: rows, in_parts: 1, too_large: [] })
  assert.equal(fit.f16, { ...fit.f32, largest_matrix: { ...table, bytes: table.bytes / 2 }, in_parts: 0 })
  assert.equal(fit.int8, { ...fit.f32, largest_matrix: { ...table, bytes: table.bytes / 4 }, in_parts: 0 })
})

inspection('tells which dtype would fit, on every adapter and on one', async () => {
  const folder = wideBart(80000)
  const { stdout } = await misc(['inspect', folder])
  assert.match(stdout, /every adapter allows 134\.2 a binding, 268\.4 a buffer/)
  assert.match(stdout, /^ {2}f32 +327\.7 +16\.8 {3}does not fit$/m)
  assert.match(stdout, /^ {2}f16 +163\.8 +16\.8 {3}fits, 1 in parts$/m)
  const words =
    /^in f32 not every adapter has room for model\.shared\.weight \(327\.7 MB\); --dtype f16 or --dtype int8 would fit$/m
  assert.match(stdout, words)
  const int8 = await misc(['inspect', folder, '--dtype', 'int8'])
  assert.not.match(int8.stdout, /has room for model/)

  const small = { name: 'small', limits: { maxBufferSize: 2 ** 23, maxStorageBufferBindingSize: 2 ** 23 } }
  const { fit } = await inspect(folder, 'f32', small)
  assert.equal(fit.int8.too_large, [
    { name: 'model.shared.weight', bytes: 80000 * 1024 },
    { name: 'hidden rows', bytes: 1024 * 4096 * 4 },
  ])
  // fc1 and fc2 of both sides, the decoder’s queries, keys and values, and the two that int8 has as well.
  assert.is(fit.f32.too_large.length, 7)

  const named = await misc(['inspect', folder, '--json', '--adapter', testAdapters[0]!])
  assert.is(JSON.parse(named.stdout).adapter.name, testAdapters[0])
  const none = await misc(['inspect', folder, '--adapter', 'abacus'])
  assert.is(none.status, 3)
})

inspection('refuses a folder without a model', () => refused(() => inspect(tempFolder()), /has no config\.json/))

inspection('as a command: one JSON document, or a report', async () => {
  const model = await goldenModel('misc-tiny-released')
  const inspected = (...args: string[]) => misc(['inspect', ...args])
  const json = await inspected(model, '--json')
  assert.equal([json.status, json.stderr], [0, ''])
  assert.equal(JSON.parse(json.stdout), await inspect(model))
  const { stdout } = await inspected(model, '--dtype', 'int8')
  assert.match(stdout, /variant released: .* after every encoder layer/)
  assert.match(stdout, /391,372: 380,564 used, 10,808 unused/)
  assert.match(stdout, /model\.decoder\.wte\.weight F32 \[128,64\]/)
  assert.match(stdout, /^in int8, by role$/m)
  const gpt = (await inspected(await goldenModel('gpt-tiny'))).stdout
  assert.match(gpt, /^architecture {2}openai-gpt: a decoder alone, /m)
  assert.match(gpt, /^ {2}decoder {5}3 layers, width 64, 4 heads, FFN 256$/m)
  assert.not.match(gpt, /encoder {2}/)
  const none = await inspected('/no/such/model')
  assert.equal([none.status, none.stdout], [2, ''])
  assert.match(none.stderr, /^misc: \/no\/such\/model: no such folder; check the path\n$/)
})

inspection.run()
