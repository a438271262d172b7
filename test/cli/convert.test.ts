import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ConvertOptions, convert } from '../../src/cli/convert-checkpoint.js'
import { describeFolder } from '../../src/engine/load-model.js'
import { openCheckpoint } from '../../src/io/checkpoint.js'
import { elementCount } from '../../src/io/dtype.js'
import { f32ToBf16, f32ToF16 } from '../../src/io/half.js'
import { openSafetensors } from '../../src/io/safetensors.js'
import { writeSafetensors } from '../../src/io/safetensors-writer.js'
import { recognizeModel } from '../../src/models/registry.js'
import { TIED_COPIES } from '../../src/nn/layout.js'
import { fixture } from '../fixtures.js'
import { type GoldenName, goldenCases, goldenModel } from '../golden.js'
import { testAdapters } from '../gpu.js'
import { call, dict, legacyFile, named, pickle, tensor, text } from '../io/pickles.js'
import { jointModel } from '../joint.js'
import { skipWithoutTorch, torchPython } from '../python.js'
import { sharedPath, skipWithoutShared } from '../shared.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'
import { compiledMain } from './compiled-main.js'
import { misc } from './in-process.js'

const conversion = suite('cli/convert')
const shared = skipWithoutShared(conversion, 'converts the plain backbones of the golden files')
const onTheSpot = skipWithoutTorch(
  conversion,
  'converts files of a golden model written on the spot, in every wrapping',
)

const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')
const SHARED = 'model.shared.weight'

interface Weights {
  readonly name: string
  readonly shape: readonly number[]
  readonly values: Float32Array
}

/** The tensors of a golden model. */
async function weightsOf(name: GoldenName): Promise<Weights[]> {
  await using model = await openCheckpoint(await goldenModel(name))
  return Promise.all(
    [...model.tensors.values()].map(async ({ name, shape }) => ({ name, shape, values: await model.readF32(name) })),
  )
}

const strides = (shape: readonly number[]) => shape.map((_, axis) => elementCount(shape.slice(axis + 1)))

/** A file of torch before 1.6 with these tensors, the copies of the embedding as views of its storage. */
function torchFile(weights: readonly Weights[], wrap = dict, prefix = ''): Buffer {
  const entries = weights.map(({ name, shape, values }) => {
    return [prefix + name, tensor(name, values.length, [...shape], strides(shape))] as const
  })
  const shared = entries.find(([name]) => name === prefix + SHARED)![1]
  const tied = TIED_COPIES.map((name) => [prefix + name, shared] as const)
  const storages = Object.fromEntries(weights.map(({ name, values }) => [name, values]))
  return legacyFile(pickle(wrap(Object.fromEntries([...entries, ...tied]))), storages)
}

/** A folder with pytorch_model.bin and the golden model's config.json. */
async function checkpointFolder(name: GoldenName, file: Uint8Array): Promise<string> {
  const folder = tempFolder()
  copyFileSync(join(await goldenModel(name), 'config.json'), join(folder, 'config.json'))
  writeFileSync(join(folder, 'pytorch_model.bin'), file)
  return folder
}

/** Asserts that a converted folder loads, and holds the golden model's weights as `round` makes them, bit for bit. */
async function assertSame(out: string, name: GoldenName, round = (values: Float32Array): ArrayBufferView => values) {
  await using made = await openCheckpoint(out)
  const { tensors } = recognizeModel(made, out)
  assert.equal(tensors.tied, [])
  const used = new Set([...tensors.used.values()].map(({ name }) => name))
  const expected = await weightsOf(name)
  assert.equal([...made.tensors.keys()].sort(), expected.map(({ name }) => name).sort())
  for (const { name, shape, values } of expected) {
    assert.equal(made.tensors.get(name)!.shape, shape)
    const { buffer, byteOffset, byteLength } = used.has(name) ? round(values) : values
    assert.ok(Buffer.from(buffer, byteOffset, byteLength).equals(await made.readBytes(name)), name)
  }
}

const half = (values: Float32Array) => {
  const bits = new Uint16Array(values.length)
  f32ToF16(values, bits)
  return bits
}
const brain = (values: Float32Array) => {
  const bits = new Uint16Array(values.length)
  f32ToBf16(values, bits)
  return bits
}

for (const name of ['misc-tiny-paper', 'misc-odd-released'] as const) {
  conversion(`${name}: a torch file becomes a model that loads, bit for bit`, async () => {
    const folder = await checkpointFolder(name, torchFile(await weightsOf(name)))
    for (const file of ['vocab.json', 'merges.txt']) copyFileSync(fixture('tokenizer', file), join(folder, file))
    writeFileSync(join(folder, 'generation_config.json'), '{"top_k": 5}')
    writeFileSync(join(folder, 'training_args.bin'), 'never opened')
    const out = join(tempFolder(), 'deep', 'model')
    const report = await convert(folder, out)
    await assertSame(out, name)
    const files = ['config.json', 'generation_config.json', 'merges.txt', 'model.safetensors', 'vocab.json']
    assert.equal(readdirSync(out).sort(), [...files, 'conversion.json'].sort())
    for (const file of files.filter((it) => !it.endsWith('safetensors'))) {
      assert.is(digest(join(out, file)), digest(join(folder, file)), file)
    }

    assert.equal(JSON.parse(readFileSync(join(out, 'conversion.json'), 'utf8')), report)
    assert.equal([report.family, report.variant], ['misc', name.endsWith('paper') ? 'paper' : 'released'])
    assert.equal(
      report.source.map(({ file }) => file),
      ['pytorch_model.bin'],
    )
    assert.is(report.source[0]!.sha256, digest(join(folder, 'pytorch_model.bin')))
    assert.equal(
      report.result.map(({ file }) => file),
      files,
    )
    for (const { file, sha256, bytes } of report.result) {
      assert.equal([sha256, bytes], [digest(join(out, file)), readFileSync(join(out, file)).length], file)
    }
    assert.equal(report.tied, Object.fromEntries(TIED_COPIES.map((it) => [it, SHARED])))
    const again = join(tempFolder(), 'again')
    assert.equal(await convert(folder, again), report)
  })
}

onTheSpot(
  'files that PyTorch writes on the spot: zip, legacy, nested, sharded, transposed, and other dtypes',
  async () => {
    const folder = tempFolder()
    const model = await goldenModel('misc-tiny-paper')
    const args = [fixture('torch', 'make.py'), folder, join(model, 'model.safetensors')]
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
    const made = spawnSync(torchPython()!, args, { encoding: 'utf8', env })
    assert.is(made.status, 0, made.stderr)
    for (const [file, round, dtypes] of [
      ['model-zip.pt', undefined, ['F32']],
      ['model-legacy.pt', undefined, ['F32']],
      ['model-nested.pt', undefined, ['F32']],
      ['model-transposed.pt', undefined, ['F32']],
      ['model-f64.pt', undefined, ['F64 → F32']],
      ['model-f16.pt', half, ['F16']],
      ['model-bf16.pt', brain, ['BF16']],
      ['sharded', undefined, ['F32']],
    ] as const) {
      const out = join(tempFolder(), 'model')
      const report = await convert(join(folder, file), out, { config: model })
      assert.equal(Object.keys(report.dtypes), dtypes, file)
      assert.is(report.prefix, file === 'model-nested.pt' ? 'module.' : '')
      await assertSame(out, 'misc-tiny-paper', round)
    }
  },
)

conversion('other dtypes on request; what the model does not use stays', async () => {
  const name = 'misc-tiny-released'
  const folder = await checkpointFolder(name, torchFile(await weightsOf(name)))
  for (const [dtype, round] of [
    ['F16', half],
    ['BF16', brain],
    ['F32', undefined],
  ] as const) {
    const out = join(tempFolder(), 'model')
    const { dtypes } = await convert(folder, out, { dtype })
    assert.equal(Object.keys(dtypes).sort(), dtype === 'F32' ? ['F32'] : ['F32', `F32 → ${dtype}`])
    await assertSame(out, name, round)
  }
})

conversion('safetensors, and names that all begin alike', async () => {
  const name = 'misc-tiny-paper'
  const weights = await weightsOf(name)
  const model = await goldenModel(name)
  const path = join(tempFolder(), 'epoch-3.safetensors')
  for (const prefix of ['', 'module.', 'module.module.', 'net.']) {
    const sources = weights.map(({ name, shape, values }) => {
      return { name: prefix + name, dtype: 'F32' as const, shape, data: () => [values] }
    })
    await writeSafetensors(path, sources)
    const out = join(tempFolder(), 'model')
    assert.is((await convert(path, out, { config: join(model, 'config.json') })).prefix, prefix)
    await assertSame(out, name)
  }
})

conversion('without config.json the tensors say what they can, and the rest is asked for', async () => {
  const name = 'misc-tiny-paper'
  const path = join(tempFolder(), 'epoch-1.pt')
  writeFileSync(
    path,
    torchFile(await weightsOf(name), (entries) => dict({ model: dict(entries), more: dict({}) }), 'module.'),
  )
  const out = join(tempFolder(), 'model')
  await refused(
    () => convert(path, out),
    /no config\.json is beside it, and its tensors do not say encoder_attention_heads, decoder_attention_heads, scale_embedding; give --config FILE, or --set encoder_attention_heads=… --set/,
  )
  assert.not(existsSync(out))
  const set = { encoder_attention_heads: 4, decoder_attention_heads: 4, scale_embedding: true }
  await convert(path, out, { set })
  await assertSame(out, name)
  const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))
  const golden = JSON.parse(readFileSync(join(await goldenModel(name), 'config.json'), 'utf8'))
  for (const key of Object.keys(config)) assert.is(config[key], golden[key], key)
  await using made = await openCheckpoint(out)
  const parsed = recognizeModel({ ...made, configFile: 'c', config: golden, tensors: made.tensors }, 'm').config
  assert.equal(recognizeModel(made, out).config, parsed)
})

conversion('what is set replaces what config.json says', async () => {
  const name = 'misc-tiny-paper'
  const folder = await checkpointFolder(name, torchFile(await weightsOf(name)))
  const file = join(folder, 'config.json')
  writeFileSync(file, readFileSync(file, 'utf8').replace('"vocab_size": 300', '"vocab_size": 282'))
  const out = join(tempFolder(), 'model')
  await refused(() => convert(folder, out), /model\.shared\.weight \(shape \[300,64\], expected \[282,64\]\)/)
  await convert(folder, out, { set: { vocab_size: 300, note: 'ours' } })
  const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))
  assert.equal([config.vocab_size, config.note, config.d_model], [300, 'ours', 64])
  await assertSame(out, name)
})

conversion('nothing is written where anything is wrong', async () => {
  const name = 'misc-tiny-paper'
  const weights = await weightsOf(name)
  const sound = torchFile(weights)
  const changed = (name: string, change: (values: Float32Array) => void) =>
    weights.map((it) => {
      const values = it.values.slice()
      if (it.name === name) change(values)
      return { ...it, values }
    })
  const bias = 'final_logits_bias'
  const witness = join(tempFolder(), 'witness')
  const evil = legacyFile(pickle(dict({ a: call(named('os', 'system'), text(`touch ${witness}`)) })), {})
  const copies = (entries: Record<string, Uint8Array>) =>
    dict({ ...entries, 'lm_head.weight': tensor('other', 300 * 64, [300, 64], [64, 1]) })
  const untied = torchFile(
    [...weights, { name: 'other', shape: [300 * 64], values: new Float32Array(300 * 64) }],
    copies,
  )
  const large = torchFile(changed(bias, (values) => values.fill(1e6)))
  const cases: [Uint8Array, ConvertOptions, RegExp][] = [
    [evil, {}, /it names "os\.system", which is no part of a state dict/],
    [sound.subarray(0, -1), {}, /ends within storage/],
    [untied, {}, /lm_head\.weight differs from model\.shared\.weight, but such a model uses one for both/],
    [large, { dtype: 'F16' }, /tensor "final_logits_bias": 1000000 is too large for F16; choose another --dtype/],
    [
      torchFile(weights.filter(({ name }) => name !== bias)),
      {},
      /1 tensor does not fit.*final_logits_bias \(missing\)/,
    ],
    [sound, { tokenizer: tempFolder() }, /holds no tokenizer files; they are called vocab\.json/],
    [sound, { config: join(tempFolder(), 'none.json') }, /none\.json: no such file/],
    [sound, { stateDict: 'model' }, /holds no dict of tensors called "model"/],
    [sound, { set: { encoder_attention_heads: 5 } }, /encoder_attention_heads is 5, but must be a divisor/],
  ]
  for (const [file, options, words] of cases) {
    const folder = await checkpointFolder(name, file)
    const parent = tempFolder()
    await refused(() => convert(folder, join(parent, 'far', 'out'), options), words)
    assert.equal(readdirSync(parent), [])
  }
  assert.not(existsSync(witness))

  const folder = await checkpointFolder(name, sound)
  await refused(() => convert(folder, folder), /holds "config\.json" already; choose another folder/)
  await refused(() => convert(join(folder, 'none'), join(tempFolder(), 'out')), /none: no such file/)
  // Shapes without a config, and a config without these shapes.
  const other = join(tempFolder(), 'a.pt')
  writeFileSync(other, readFileSync(fixture('torch', 'forms-zip.pt')))
  await refused(() => convert(other, join(tempFolder(), 'out')), /its tensors are no known model's; give --config FILE/)
})

/** The tensors of any file of F32. */
async function weightsIn(path: string): Promise<Weights[]> {
  await using file = await openSafetensors(path)
  const infos = [...file.tensors.values()]
  return Promise.all(infos.map(async ({ name, shape }) => ({ name, shape, values: await file.readF32(name) })))
}

for (const name of ['joint-tiny', 'blenderbot-tiny', 'bart-tiny']) {
  shared(`${name}: a bare state dict, its config beside it or told`, async () => {
    const model = sharedPath('golden', name)!
    const weights = await weightsIn(join(model, 'model.safetensors'))
    const path = join(tempFolder(), 'epoch-2.pt')
    writeFileSync(path, torchFile(weights))
    const config = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8'))
    const asked = ['model_type', 'encoder_attention_heads', 'decoder_attention_heads', 'scale_embedding']
    const set = Object.fromEntries(asked.map((key) => [key, config[key]]))
    const tokenizer = name === 'joint-tiny' ? { tokenizer: model } : {}
    for (const options of [{ config: model }, { set }]) {
      const out = join(tempFolder(), 'model')
      const { tied } = await convert(path, out, { ...options, ...tokenizer })
      assert.equal(Object.keys(tied).sort(), [...TIED_COPIES].sort())
      await using made = await openCheckpoint(out)
      recognizeModel(made, out)
      const said = made.config as Record<string, unknown>
      for (const key of Object.keys(said)) assert.equal(said[key], config[key], key)
      assert.equal(await weightsIn(join(out, 'model.safetensors')), weights)
      if (name !== 'joint-tiny') continue
      for (const file of ['vocab.json', 'merges.txt', 'added_tokens.json', 'special_tokens_map.json']) {
        assert.is(digest(join(out, file)), digest(join(model, file)), file)
      }
    }
  })
}

conversion('BlenderBot-Joint is named by its added tokens, whichever file says them, and they come along', async () => {
  const golden = await jointModel()
  const tokens: Record<string, number> = JSON.parse(readFileSync(join(golden, 'added_tokens.json'), 'utf8'))
  const decoder = Object.fromEntries(Object.entries(tokens).map(([content, id]) => [id, { content, special: false }]))
  const files = {
    'added_tokens.json': tokens,
    'tokenizer_config.json': { added_tokens_decoder: decoder },
    'special_tokens_map.json': { additional_special_tokens: Object.keys(tokens) },
  }
  const weights = torchFile(await weightsIn(join(golden, 'model.safetensors')))
  const base = tempFolder()
  for (const file of ['vocab.json', 'merges.txt']) copyFileSync(join(golden, file), join(base, file))
  // As BlenderBot-small's own folder has it.
  writeFileSync(join(base, 'tokenizer_config.json'), '{"model_max_length": 512}')
  for (const named of ['added_tokens.json', 'tokenizer_config.json'] as const) {
    const folder = tempFolder()
    for (const file of ['vocab.json', 'merges.txt', 'config.json']) copyFileSync(join(golden, file), join(folder, file))
    writeFileSync(join(folder, 'pytorch_model.bin'), weights)
    const written = [named, 'special_tokens_map.json'] as const
    for (const file of written) writeFileSync(join(folder, file), JSON.stringify(files[file]))
    for (const options of [{}, { tokenizer: base }]) {
      const out = join(tempFolder(), 'model')
      const report = await convert(folder, out, options)
      assert.equal(
        [report.family, report.variant, report.model],
        ['joint', 'plain', 'BlenderBot-Joint, of the program codes_zcj'],
      )
      for (const file of written) assert.is(digest(join(out, file)), digest(join(folder, file)), file)
      assert.is((await describeFolder(out)).family, 'joint')
    }
  }
  // Nothing in the files tells of one that was trained without strategies.
  const unlearned = join(tempFolder(), 'model')
  const { family, model } = await convert(await jointModel(), unlearned, { set: { strategies: false } })
  assert.equal([family, model], ['bart', 'a plain backbone, trained without the strategies in its vocabulary'])
  assert.is((await describeFolder(unlearned)).family, 'bart')
  const { stderr: asked } = await misc(['convert', golden, join(tempFolder(), 'model')])
  assert.match(asked, /taken for a model that was trained with the strategies.*add --set strategies=false/)
  const { stderr: told } = await misc(['convert', golden, join(tempFolder(), 'model'), '--set', 'strategies=true'])
  assert.not.match(told, /strategies=false/)
  await refused(
    () => convert(golden, join(tempFolder(), 'model'), { set: { strategies: 'no' } }),
    /strategies is "no", but must be true or false/,
  )

  const plain = join(tempFolder(), 'model')
  const folder = tempFolder()
  writeFileSync(join(folder, 'pytorch_model.bin'), weights)
  copyFileSync(join(golden, 'config.json'), join(folder, 'config.json'))
  assert.is((await convert(folder, plain)).family, 'bart')
})

conversion('as a command: words on stderr alone, exit codes, and a model that other commands take', async () => {
  const name = 'misc-tiny-paper'
  const folder = await checkpointFolder(name, torchFile(await weightsOf(name)))
  const out = join(tempFolder(), 'model')
  const done = await misc(['convert', folder, out, '--dtype', 'f32', '--set', 'num_strategies=8'])
  assert.equal([done.status, done.stdout], [0, ''], done.stderr)
  assert.match(done.stderr, /: MISC's paper variant, 149 tensors \(149 F32\), 0\.3M parameters\n/)
  assert.ok(done.stderr.includes(`model.safetensors: `) && done.stderr.includes(digest(join(out, 'model.safetensors'))))
  assert.match(done.stderr, /no tokenizer files were found: text needs them, see --tokenizer\n$/)
  const inspected = await misc(['inspect', out, '--json'])
  assert.is(JSON.parse(inspected.stdout).variant, 'paper')
  const validated = await misc([
    'validate',
    out,
    '--reference',
    goldenCases(name)[0]!,
    '--adapter',
    testAdapters[0]!,
    '--json',
  ])
  assert.is(JSON.parse(validated.stdout).ok, true, validated.stderr)

  const again = await misc(['convert', folder, out])
  assert.equal([again.status, again.stdout], [2, ''])
  assert.match(again.stderr, /^misc: .*model: holds "config\.json" already; choose another folder, or empty it\n$/)
  const wrong = await misc(['convert', folder, join(tempFolder(), 'x'), '--dtype', 'int8'])
  assert.equal([wrong.status, wrong.stdout], [2, ''])
  assert.is((await misc(['convert', folder, join(tempFolder(), 'x'), '--set', 'nothing'])).status, 2)
  const help = (await misc(['convert', '--help'])).stdout
  for (const flag of ['Examples:', '--dtype', '--config', '--set', '--tokenizer', '--vocabulary', '--state-dict']) {
    assert.ok(help.includes(flag), flag)
  }
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  conversion(`stopped half-way by ${signal}, it leaves nothing behind`, async () => {
    const name = 'misc-tiny-paper'
    // One tensor more, of which there is much to write.
    const much = (entries: Record<string, Uint8Array>) =>
      dict({ ...entries, much: tensor('much', 2 ** 22, [4, 2 ** 22], [0, 1]) })
    const more = { name: 'much', shape: [2 ** 22], values: new Float32Array(2 ** 22) }
    const folder = await checkpointFolder(name, torchFile([...(await weightsOf(name)), more], much))
    const parent = tempFolder()
    const child = spawn(process.execPath, [compiledMain, 'convert', folder, join(parent, 'out')])
    const ended = new Promise((resolve) => child.once('exit', (_code, by) => resolve(by)))
    while (readdirSync(parent).length === 0 && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 5))
    child.kill(signal)
    assert.is(await ended, signal)
    assert.equal(readdirSync(parent), [])
  })
}

conversion.run()
