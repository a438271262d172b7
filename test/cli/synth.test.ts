import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { synthesize } from '../../src/cli/synth.js'
import { openSafetensors } from '../../src/io/safetensors.js'
import { FAMILY_GOLDENS, GOLDEN_NAMES, goldenFolder, goldenModel, LISTENERS_GOLDENS } from '../golden.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'
import { compiledMain } from './compiled-main.js'
import { misc } from './in-process.js'

const synth = suite('cli/synth')

/** A folder with a config.json and, if given, a tensors.json. */
function configFolder(config: unknown, tensors?: unknown): string {
  const folder = tempFolder()
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  if (tensors !== undefined) writeFileSync(join(folder, 'tensors.json'), JSON.stringify(tensors))
  return folder
}

// gpt-tiny's file leaves out what the config alone cannot tell.
const alone = [...GOLDEN_NAMES, ...FAMILY_GOLDENS].filter((name) => !/eos|gpt/.test(name))
for (const name of alone) {
  synth(`${name}: the config alone gives the same tensors as tensors.json`, async () => {
    const out = join(tempFolder(), 'deep', 'model')
    const alone = join(tempFolder(), 'config.json')
    cpSync(join(goldenFolder(name), 'config.json'), alone)
    await synthesize(alone, out)
    assert.equal(readFileSync(join(out, 'config.json')), readFileSync(alone))
    assert.equal(readdirSync(out).sort(), ['config.json', 'model.safetensors'])

    await using made = await openSafetensors(join(out, 'model.safetensors'))
    await using expected = await openSafetensors(join(await goldenModel(name), 'model.safetensors'))
    assert.equal([...made.tensors.keys()].sort(), [...expected.tensors.keys()].sort())
    for (const [key, { shape, dtype }] of made.tensors) {
      assert.equal([shape, dtype], [expected.tensors.get(key)!.shape, 'F32'])
      assert.ok(Buffer.from((await made.readF32(key)).buffer).equals(Buffer.from((await expected.readF32(key)).buffer)))
    }
  })
}

for (const name of LISTENERS_GOLDENS) {
  synth(`${name}: the config alone gives the names and shapes of the released program`, async () => {
    const alone = join(tempFolder(), 'config.json')
    cpSync(join(goldenFolder(name), 'config.json'), alone)
    const out = tempFolder()
    await synthesize(alone, out)
    await using made = await openSafetensors(join(out, 'model.safetensors'))
    await using expected = await openSafetensors(join(goldenFolder(name), 'model.safetensors'))
    const shapes = ({ tensors }: typeof made) =>
      [...tensors.values()].map(({ name, shape }) => `${name} ${shape}`).sort()
    assert.equal(shapes(made), shapes(expected))
  })
}

synth("a GPT's config alone gives the biases of queries, keys and values too", async () => {
  const out = tempFolder()
  const { tensors } = await synthesize(join(goldenFolder('gpt-tiny'), 'config.json'), out)
  assert.is(
    tensors,
    Object.keys(JSON.parse(readFileSync(join(goldenFolder('gpt-tiny'), 'tensors.json'), 'utf8'))).length,
  )
  const alone = join(tempFolder(), 'config.json')
  cpSync(join(goldenFolder('gpt-tiny'), 'config.json'), alone)
  assert.is((await synthesize(alone, tempFolder())).tensors, tensors + 3)
})

synth('makes the tensors that tensors.json lists, but no tied copies, whatever the model type', async () => {
  const tensors = { 'transformer.w': [2, 3], 'lm_head.weight': [4], 'model.encoder.embed_tokens.weight': [4], s: [] }
  const out = tempFolder()
  assert.equal(await synthesize(configFolder({ model_type: 'openai-gpt' }, tensors), out), {
    tensors: 2,
    parameters: 7,
  })
  await using file = await openSafetensors(join(out, 'model.safetensors'))
  assert.equal([...file.tensors.keys()], ['transformer.w', 's'])
  assert.equal(Object.fromEntries(file.metadata), { format: 'pt' })
})

synth('replaces weights or another config only when forced', async () => {
  const config = configFolder({ synthetic_seed: 1 }, { a: [1] })
  const out = tempFolder()
  await synthesize(config, out)
  await refused(() => synthesize(config, out), /model\.safetensors: is there already; .*--force/)
  const other = configFolder({ synthetic_seed: 2 }, { a: [1] })
  await refused(() => synthesize(other, out), /config\.json: is there already/)
  const before = readFileSync(join(out, 'model.safetensors'))
  await synthesize(other, out, { force: true })
  assert.not.equal(readFileSync(join(out, 'model.safetensors')), before)
  await synthesize(config, config)
  assert.ok(existsSync(join(config, 'model.safetensors')))
})

synth('refuses bad configs and shapes before it writes anything', async () => {
  const out = join(tempFolder(), 'out')
  for (const [config, tensors, cause] of [
    [{ synthetic_seed: 1.5 }, {}, /synthetic_seed is 1\.5/],
    [{ synthetic_seed: -1 }, {}, /synthetic_seed is -1/],
    [{}, [], /tensors\.json: is not an object of shapes/],
    [{}, { a: 1 }, /tensors\.json: tensor "a" has no shape/],
    [{}, { a: [1.5] }, /tensor "a" has no shape of whole numbers/],
    [{}, { a: [-1] }, /tensor "a" has no shape/],
    [{}, { a: [2 ** 40, 2 ** 40] }, /tensor "a" has no shape/],
    [{ model_type: 'gpt2' }, undefined, /config\.json: model_type is "gpt2", but must be misc or .* or openai-gpt/],
    [{ model_type: 'openai-gpt' }, undefined, /config\.json: n_embd is missing/],
    [null, undefined, /config\.json: is not a JSON object/],
  ] as const) {
    await refused(() => synthesize(configFolder(config, tensors), out), cause)
  }
  await refused(() => synthesize('/no/such/config.json', out), /^\/no\/such\/config\.json: no such file/)
  await refused(() => synthesize(tempFolder(), out), /config\.json: no such file/)
  assert.not(existsSync(out))
})

synth('says when the folder cannot be written', async () => {
  const file = join(tempFolder(), 'file')
  writeFileSync(file, '')
  await refused(() => synthesize(configFolder({}, { a: [1] }), join(file, 'out')), /cannot be made \(ENOTDIR/)
})

synth('as a command: exit codes, and words on stderr alone', async () => {
  const out = join(tempFolder(), 'model')
  mkdirSync(out)
  const done = await misc(['synth', goldenFolder('misc-tiny-paper'), out])
  assert.equal([done.status, done.stdout], [0, ''])
  assert.match(done.stderr, /^model: 149 tensors, 0\.3M parameters, F32\n$/)
  const again = await misc(['synth', goldenFolder('misc-tiny-paper'), out])
  assert.is(again.status, 2)
  assert.match(again.stderr, /^misc: .*--force to replace it\n$/)
  assert.match((await misc(['synth', '--help'])).stdout, /Examples:/)
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  synth(`stopped half-way by ${signal}, it leaves nothing behind and what was there as it was`, async () => {
    const out = tempFolder()
    const weights = join(out, 'model.safetensors')
    writeFileSync(weights, 'earlier')
    const config = configFolder({}, { a: [1_000_000_000] })
    const child = spawn(process.execPath, [compiledMain, 'synth', config, out, '--force'])
    const ended = new Promise((resolve) => child.once('exit', (_code, by) => resolve(by)))
    while (readdirSync(out).length === 1) await new Promise((resolve) => setTimeout(resolve, 20))
    child.kill(signal)
    assert.is(await ended, signal)
    assert.equal(readdirSync(out), ['model.safetensors'])
    assert.is(readFileSync(weights, 'utf8'), 'earlier')
  })
}

synth.run()
