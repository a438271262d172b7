/** Checkpoints of every family but MISC's own (test/cli/convert.test.ts), as their programs save them. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ConvertOptions, convert } from '../../src/cli/convert-checkpoint.js'
import { inspect } from '../../src/cli/inspect.js'
import { openCheckpoint } from '../../src/io/checkpoint.js'
import { elementCount } from '../../src/io/dtype.js'
import { f32ToF16 } from '../../src/io/half.js'
import { recognizeModel } from '../../src/models/registry.js'
import { TIED_COPIES } from '../../src/nn/layout.js'
import { comet2019, cometBart, hubNames } from '../comet-models.js'
import { fixture } from '../fixtures.js'
import { type GoldenName, goldenCases, goldenModel, LISTENERS_GOLDENS } from '../golden.js'
import { testAdapters } from '../gpu.js'
import {
  call,
  dict,
  entriesOf,
  instance,
  integer,
  legacyFile,
  list,
  named,
  none,
  pickle,
  raw,
  tensor,
  text,
} from '../io/pickles.js'
import { type Tensors, tensorsOf } from '../models/gpt/raw-names.js'
import { skipWithoutTorch, torchPython } from '../python.js'
import { tempFolder } from '../temp.js'
import { quicklyRefused, refused } from '../throws.js'
import { misc } from './in-process.js'

const families = suite('cli/convert-checkpoint')
const onTheSpot = skipWithoutTorch(families, 'converts files of every family written on the spot')

const adapter = testAdapters[0]!
const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')
const read = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8'))

/** The words that the small models' vocabulary has: some that an object might take for something else. */
const words = ['UNK', 'PAD', 'EOS', 'SOS', 'USR', 'SYS', 'CLS', '12', '__proto__', 'naïve', '😀', "n't"]
for (let i = words.length; i < 203; i++) words.push(`w${i}`)

/** An optimizer's state: tensors by number. */
const moments = tensor('moments', 4, [4], [1])
const optimizer = dict({
  state: raw('}(', integer(77), dict({ step: integer(3), exp_avg: moments }), 'u'),
  param_groups: list(dict({ lr: integer(0) })),
})

const beside = () => new Storages({ moments: new Float32Array(4) })

/** Tensors of a file, those of one array in one storage. */
class Storages {
  constructor(private readonly storages: Record<string, Float32Array> = {}) {}

  add(tensors: Tensors): Record<string, Buffer> {
    const entries = [...tensors].map(([name, { shape, values }]) => {
      const count = Object.keys(this.storages).length
      const [key] = Object.entries(this.storages).find(([, it]) => it === values) ?? [`storage ${count}`]
      this.storages[key] = values
      const strides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)))
      return [name, tensor(key, values.length, shape, strides)] as const
    })
    return Object.fromEntries(entries)
  }

  file(object: Record<string, Uint8Array>): Buffer {
    return legacyFile(pickle(dict(object)), this.storages)
  }
}

/** As the programs of MoEL and MIME save a model. */
function listenersFile(name: string, tensors: Tensors, more: Record<string, Uint8Array> = {}): Buffer {
  const file = beside()
  const all = { iter: integer(5), optimizer, current_loss: integer(2), ...more }
  if (name === 'mime-tiny') return file.file({ ...all, model: dict(file.add(tensors)) })
  const part = (module: string) => {
    const own = [...tensors].filter(([name]) => name.startsWith(`${module}.`))
    return dict(file.add(new Map(own.map(([name, it]) => [name.slice(module.length + 1), it]))))
  }
  const parts = {
    encoder_state_dict: part('encoder'),
    decoder_state_dict: part('decoder'),
    generator_dict: part('generator'),
    decoder_key_state_dict: part('decoder_key'),
    embedding_dict: part('embedding'),
  }
  return file.file({ ...all, ...parts })
}

/** As COMET-2019's program saves one. `tensors` are by its own names. */
function cometFile(tensors: Tensors, more: Record<string, Uint8Array> = {}): Buffer {
  const file = beside()
  const options = entriesOf(named('utils.utils', 'DD'), {
    exp: text('generation'),
    net: entriesOf(named('utils.utils', 'DD'), { nH: integer(2), afn: text('gelu') }),
    test: none,
  })
  const state = dict(file.add(tensors))
  const vocab = dict({ '<unk>': integer(0) })
  return file.file({ epoch: integer(1), state_dict: state, optimizer, opt: options, vocab, ...more })
}

/** A vocabulary as both of MoEL's and MIME's programs write it. */
function datasetFile(list_: readonly string[] = words): Buffer {
  const entries = list_.flatMap((word, id) => [integer(id), text(word)])
  const vocab = instance(named('utils.data_reader', 'Lang'), { index2word: raw('}(', ...entries, 'u') })
  const data = dict({ context: list(list(text('i'), text('cry'))), emotion: list(text('sad')) })
  return pickle(list(data, data, data, vocab))
}

/** A folder with these files. */
function folderWith(files: Record<string, Uint8Array>): string {
  const folder = tempFolder()
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes)
  return folder
}

/** Asserts that two folders hold the same weights, bit for bit, as one does them `round`, and their configs say the same. */
async function assertSame(out: string, model: string, prefix = '', round = (it: Float32Array): ArrayBufferView => it) {
  await using made = await openCheckpoint(out)
  await using source = await openCheckpoint(model)
  const { tensors, config } = recognizeModel(made, out)
  const expected = recognizeModel(source, model)
  assert.equal(config, expected.config)
  assert.equal(tensors.tied, [])
  const left = new Set(expected.tensors.tied.map(({ name }) => name))
  const kept = [...source.tensors.keys()].filter((name) => !left.has(name))
  assert.equal([...made.tensors.keys()].sort(), kept.map((name) => name.slice(prefix.length)).sort())
  for (const { name } of expected.tensors.used.values()) {
    const { buffer, byteOffset, byteLength } = round(await source.readF32(name))
    const found = await made.readBytes(name.slice(prefix.length))
    assert.ok(Buffer.from(buffer, byteOffset, byteLength).equals(found), name)
  }
}

/** Asserts that `misc validate` finds a converted golden model to compute what it should. */
async function assertValid(out: string, name: GoldenName): Promise<void> {
  const { stdout, stderr } = await misc([
    'validate',
    out,
    '--reference',
    goldenCases(name)[0]!,
    '--adapter',
    adapter,
    '--json',
  ])
  assert.is(JSON.parse(stdout).ok, true, stderr)
}

const half = (values: Float32Array) => {
  const bits = new Uint16Array(values.length)
  f32ToF16(values, bits)
  return bits
}

/** What the tensors of a golden of MoEL's program and its kin do not say. */
function asked(name: (typeof LISTENERS_GOLDENS)[number], config: Record<string, unknown>) {
  return name === 'moel-tiny' ? { heads: config.heads, topk: config.topk } : { heads: config.heads }
}

for (const name of LISTENERS_GOLDENS) {
  families(`${name}: as its program saves it, with its words; the heads are asked for`, async () => {
    const model = await goldenModel(name)
    const folder = folderWith({
      model_5: listenersFile(name, await tensorsOf(model)),
      'dataset_preproc.p': datasetFile(),
    })
    const checkpoint = join(folder, 'model_5')
    const out = join(tempFolder(), 'model')
    const set = asked(name, read(model, 'config.json'))
    await refused(
      () => convert(checkpoint, out),
      name === 'moel-tiny'
        ? /do not say heads, topk; give --config FILE, or --set heads=… --set topk=…$/
        : /not say heads/,
    )
    assert.not(existsSync(out))

    const vocabulary = join(folder, 'dataset_preproc.p')
    const report = await convert(checkpoint, out, { set, vocabulary })
    await assertSame(out, model)
    assert.equal(readdirSync(out).sort(), ['config.json', 'conversion.json', 'model.safetensors', 'vocab.json'])
    assert.equal(new Map(Object.entries(read(out, 'vocab.json'))), new Map(words.map((word, id) => [word, id])))
    assert.equal([report.family, report.prefix, report.tied], ['listeners', '', {}])
    assert.equal([...report.ignored].sort(), ['current_loss', 'iter', 'optimizer'])
    assert.equal(
      report.source.map(({ file, sha256 }) => [file, sha256]),
      [checkpoint, vocabulary].map((path) => [basename(path), digest(path)]),
    )
    for (const { file, sha256 } of report.result) assert.is(sha256, digest(join(out, file)), file)
    assert.equal(read(out, 'conversion.json'), report)
    assert.is((await inspect(out)).architecture.model_type, name.replace('-tiny', ''))
    if (name === 'mime-tiny') await assertValid(out, name)

    const other = join(tempFolder(), 'f16')
    const { dtypes } = await convert(checkpoint, other, { set, dtype: 'F16' })
    assert.is(dtypes.F32, (await inspect(out)).unused.length || undefined)
    await assertSame(other, model, '', half)
    // A config that is there says it all.
    await convert(checkpoint, join(tempFolder(), 'told'), { config: model })
  })
}

families('the generator may be the embedding', async () => {
  const model = await goldenModel('transformer-tiny')
  const tensors = await tensorsOf(model)
  tensors.set('generator.proj.weight', tensors.get('embedding.lut.weight')!)
  const path = join(folderWith({ model: listenersFile('transformer-tiny', tensors) }), 'model')
  const out = join(tempFolder(), 'model')
  const { tied } = await convert(path, out, { set: { heads: 2, weight_sharing: true } })
  assert.equal(tied, { 'generator.proj.weight': 'embedding.lut.weight' })
  const writ = join(folderWith({ model: listenersFile('transformer-tiny', await tensorsOf(model)) }), 'model')
  await refused(
    () => convert(writ, join(tempFolder(), 'x'), { set: { heads: 2, weight_sharing: true } }),
    /generator\.proj\.weight differs from embedding\.lut\.weight/,
  )
})

/** The bytes of a COMET-2019's checkpoint, and the folder that it should be. */
async function comet(prefix: string): Promise<{ file: Buffer; source: string; tensors: Tensors }> {
  const source = await comet2019(await hubNames())
  const tensors = new Map([...(await tensorsOf(source))].map(([name, it]) => [name.replace('module.', prefix), it]))
  const table = tensors.get(`${prefix}transformer.embed.weight`)!
  tensors.set(`${prefix}lm_head.decoder.weight`, table)
  return { file: cometFile(tensors), source, tensors }
}

const TOKENIZER_2019 = ['encoder_bpe_40000.json', 'vocab_40000.bpe'] as const

for (const prefix of ['', 'module.']) {
  families(`COMET-2019 as its program saves it, names beginning "${prefix}"`, async () => {
    const { file, source } = await comet(prefix)
    const folder = folderWith({ 'atomic_pretrained_model.pickle': file })
    for (const name of TOKENIZER_2019) copyFileSync(join(source, name), join(folder, name))
    const checkpoint = join(folder, 'atomic_pretrained_model.pickle')
    const out = join(tempFolder(), 'comet')
    await refused(
      () => convert(checkpoint, out),
      /its tensors do not say n_head; give --config FILE, or --set n_head=…$/,
    )
    const report = await convert(checkpoint, out, { set: { n_head: 2 } })
    assert.equal(
      readdirSync(out).sort(),
      ['config.json', 'conversion.json', ...TOKENIZER_2019, 'model.safetensors'].sort(),
    )
    for (const name of TOKENIZER_2019) assert.is(digest(join(out, name)), digest(join(source, name)), name)
    await assertSame(out, source, 'module.')
    assert.equal([report.family, report.prefix], ['gpt', prefix])
    assert.equal(report.tied, { 'lm_head.decoder.weight': 'transformer.embed.weight' })
    assert.equal([...report.ignored].sort(), ['epoch', 'opt', 'optimizer', 'vocab'])
    if (prefix === '') return

    assert.is((await inspect(out)).family, 'gpt')
    const tails = await misc(['comet', out, '--event', 'eat a tea', '--json', '--adapter', adapter])
    assert.is(tails.status, 0, tails.stderr)
    assert.is(JSON.parse(tails.stdout).tails.xReact.length, 5)
    // The mask of what lies ahead is no weight, and stays.
    const other = join(tempFolder(), 'f16')
    const { dtypes } = await convert(checkpoint, other, { set: { n_head: 2 }, dtype: 'F16' })
    assert.equal(Object.keys(dtypes).sort(), ['F32', 'F32 → F16'])
    assert.is(dtypes.F32, 3)
    await assertSame(other, source, 'module.', half)
  })
}

families("OpenAI's GPT by Hugging Face's names, with or without its head", async () => {
  const model = await goldenModel('gpt-tiny')
  const tensors = await tensorsOf(model)
  const table = tensors.get('transformer.tokens_embed.weight')!
  for (const [prefix, more] of [
    ['transformer.', [['lm_head.weight', table]]],
    ['', []],
  ] as const) {
    const names = [...tensors].map(([name, it]) => [name.replace('transformer.', prefix), it] as const)
    const file = new Storages()
    const folder = folderWith({ 'pytorch_model.bin': file.file(file.add(new Map([...names, ...more]))) })
    const out = join(tempFolder(), 'model')
    const { tied } = await convert(folder, out, { set: { n_head: read(model, 'config.json').n_head } })
    assert.equal(
      Object.keys(tied),
      more.map(([name]) => name),
    )
    assert.equal(await tensorsOf(out), new Map(names))
    if (prefix === '') continue
    await assertSame(out, model)
    await assertValid(out, 'gpt-tiny')
  }
})

families('COMET-BART as save_pretrained writes it: its files come along', async () => {
  const source = await cometBart(true, { task_specific_params: { summarization: { num_beams: 3, max_length: 9 } } })
  const folder = tempFolder()
  cpSync(source, folder, { recursive: true })
  rmSync(join(folder, 'model.safetensors'))
  for (const name of readdirSync(folder).filter((it) => it.startsWith('case'))) rmSync(join(folder, name))
  const tensors = await tensorsOf(source)
  for (const copy of TIED_COPIES) tensors.set(copy, tensors.get('model.shared.weight')!)
  const file = new Storages()
  writeFileSync(join(folder, 'pytorch_model.bin'), file.file(file.add(tensors)))
  const out = join(tempFolder(), 'comet')
  const report = await convert(folder, out)
  await assertSame(out, source)
  assert.equal([report.family, Object.keys(report.tied).sort()], ['bart', [...TIED_COPIES].sort()])
  for (const name of ['config.json', 'vocab.json', 'merges.txt', 'added_tokens.json']) {
    assert.is(digest(join(out, name)), digest(join(source, name)), name)
  }
  const tails = await misc(['comet', out, '--event', 'i cry', '--relations', 'xReact', '--json', '--adapter', adapter])
  assert.is(tails.status, 0, tails.stderr)
  assert.is(JSON.parse(tails.stdout).tails.xReact.length, 3)
})

families('nothing is run, and nothing is written, where anything is wrong', async () => {
  const witness = join(tempFolder(), 'witness')
  const evil = call(named('os', 'system'), text(`touch ${witness}`))
  const transformer = await tensorsOf(await goldenModel('transformer-tiny'))
  const listeners = (more: Record<string, Uint8Array> = {}) => listenersFile('transformer-tiny', transformer, more)
  const { tensors, source } = await comet('')
  const DD = named('utils.utils', 'DD')
  const itself = raw(DD, ')', 0x81, 'q', 0, '(', text('opt'), 'h', 0, 'u')
  const universal: Tensors = new Map(transformer)
  universal.set('encoder.act_fn.p.weight', { shape: [1, 36], values: new Float32Array(36) })
  const set = { heads: 2, n_head: 2 }
  const words202 = datasetFile(words.slice(0, 202))
  const cases: [Uint8Array, ConvertOptions & { words?: Uint8Array }, RegExp][] = [
    [cometFile(tensors, { opt: entriesOf(DD, { net: evil }) }), {}, /it names "os\.system"/],
    [cometFile(tensors, { opt: call(DD, evil) }), {}, /it names "os\.system"/],
    [cometFile(tensors, { opt: call(DD, dict({})) }), {}, /utils\.utils\.DD is made with arguments/],
    [
      cometFile(tensors, { optimizer: call(named('torch.optim.adam', 'Adam')) }),
      {},
      /it names "torch\.optim\.adam\.Adam"/,
    ],
    [
      cometFile(tensors, { vocab: instance(named('src.data.data', 'Loader'), {}) }),
      {},
      /it names "src\.data\.data\.Loader"/,
    ],
    [cometFile(tensors, { ema: dict({ a: moments }) }), {}, /holds several dicts of tensors, \["state_dict","ema"\]/],
    [cometFile(tensors).subarray(0, -3), {}, /ends within storage/],
    [listeners({ optimizer: evil }), {}, /it names "os\.system"/],
    [
      listeners({ more_dict: dict({ a: moments }) }),
      {},
      /several dicts of tensors, .*more_dict.*; choose one with --state-dict/,
    ],
    [listenersFile('transformer-tiny', universal), {}, /encoder\.act_fn\.p\.weight, so it was trained with --act/],
    [listeners(), { set: { heads: 3 } }, /query_linear\.weight \(shape \[20,36\], expected \[18,36\]\)/],
    [listeners(), { words: words202 }, /has 202 words, but the model's embedding has 203 rows; take both from one/],
    [listeners(), { words: pickle(evil) }, /it names "os\.system", which is no part of a dataset_preproc\.p/],
    [listeners(), { vocabulary: join(source, 'none.p') }, /none\.p: no such file/],
    [
      cometFile(tensors),
      { words: datasetFile() },
      /is for a Transformer, MoEL or MIME, and CHECKPOINT holds a decoder/,
    ],
  ]
  for (const [file, { words, ...options }, expected] of cases) {
    const folder = folderWith({ checkpoint: file, ...(words && { 'dataset_preproc.p': words }) })
    const parent = tempFolder()
    const vocabulary = words && { vocabulary: join(folder, 'dataset_preproc.p') }
    const done = () => convert(join(folder, 'checkpoint'), join(parent, 'out'), { set, ...vocabulary, ...options })
    await quicklyRefused(done, expected)
    assert.equal(readdirSync(parent), [])
  }
  assert.not(existsSync(witness))
  // Options that hold themselves are options that nobody reads.
  const sound = folderWith({ checkpoint: cometFile(tensors, { opt: itself }) })
  await convert(join(sound, 'checkpoint'), join(tempFolder(), 'out'), { set })
})

families('as a command: what is still wanting is said', async () => {
  const folder = folderWith({
    moel: listenersFile('moel-tiny', await tensorsOf(await goldenModel('moel-tiny'))),
    'dataset_preproc.p': datasetFile(),
  })
  const args = ['convert', join(folder, 'moel'), join(folder, 'out'), '--set', 'heads=2', '--set', 'topk=5']
  const bare = await misc(args)
  assert.equal([bare.status, bare.stdout], [0, ''], bare.stderr)
  assert.match(
    bare.stderr,
    /no vocabulary was found: text needs the dataset_preproc\.p of its training, see --vocabulary\n$/,
  )
  rmSync(join(folder, 'out'), { recursive: true })
  const whole = await misc([...args, '--vocabulary', join(folder, 'dataset_preproc.p')])
  assert.is(whole.status, 0, whole.stderr)
  assert.match(whole.stderr, /out: MoEL, which hears 5 of \d+ listeners, \d+ tensors \(\d+ F32\)/)
  assert.not.match(whole.stderr, /found/)
  assert.ok(existsSync(join(folder, 'out', 'vocab.json')))
})

onTheSpot('files that PyTorch writes on the spot, zip and legacy, of every family', async () => {
  const folder = tempFolder()
  const tiny = async (name: GoldenName) => [name.replace('-tiny', ''), await goldenModel(name)] as const
  const models = new Map([
    ['comet-2019', await comet2019(await hubNames())],
    ...(await Promise.all(([...LISTENERS_GOLDENS, 'bart-tiny', 'blenderbot-tiny'] as const).map(tiny))),
  ])
  const args = [...models].map(([name, model]) => `${name}=${join(model, 'model.safetensors')}`)
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
  const script = fixture('torch', 'families.py')
  const made = spawnSync(torchPython()!, [script, folder, ...args], { encoding: 'utf8', env })
  assert.is(made.status, 0, made.stderr)
  for (const [name, model] of models) {
    const config = read(model, 'config.json')
    const keys = ['n_head', 'heads', 'topk', 'model_type', 'encoder_attention_heads', 'decoder_attention_heads']
    const set = Object.fromEntries(
      [...keys, 'scale_embedding'].filter((it) => it in config).map((it) => [it, config[it]]),
    )
    for (const form of ['zip', 'legacy']) {
      const out = join(tempFolder(), 'model')
      await convert(join(folder, `${name}-${form}`), out, { set })
      await assertSame(out, model, name === 'comet-2019' ? 'module.' : '')
    }
  }
  for (const protocol of [2, 3, 4]) {
    const vocabulary = join(folder, `dataset_preproc-${protocol}.p`)
    const out = join(tempFolder(), 'model')
    await convert(join(folder, 'mime-legacy'), out, { set: { heads: 2 }, vocabulary })
    assert.equal(new Map(Object.entries(read(out, 'vocab.json'))), new Map(words.map((word, id) => [word, id])))
  }
})

families.run()
