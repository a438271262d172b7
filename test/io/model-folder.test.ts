import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inspect } from '../../src/cli/inspect.js'
import { readConfig } from '../../src/engine/load-model.js'
import { Misc } from '../../src/engine/misc.js'
import { openCheckpoint } from '../../src/io/checkpoint.js'
import { modelFolder, statIfThere } from '../../src/io/model-folder.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { tinyModel } from '../engine-model.js'
import { hubRepository } from '../hub-repository.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const folders = suite('io/model-folder')
const model = await tinyModel()

folders("a folder is its own; a repository in Hugging Face's cache is the snapshot of its refs/main", async () => {
  assert.is(await modelFolder(model), model)
  const { path, snapshot } = hubRepository(model)
  assert.is(await modelFolder(path), snapshot)
  assert.is(await modelFolder(snapshot), snapshot)
  const beside = tempFolder()
  mkdirSync(join(beside, 'snapshots'))
  writeFileSync(join(beside, 'config.json'), '{}')
  assert.is(await modelFolder(beside), beside, 'snapshots beside a config.json are something else')
})

folders('whatever opens a model finds it in a repository', async () => {
  const { path } = hubRepository(model)
  await using checkpoint = await openCheckpoint(path)
  assert.equal(checkpoint.files, ['model.safetensors'])
  assert.equal(await readConfig(path), await readConfig(model))
  assert.equal((await inspect(path)).parameters, (await inspect(model)).parameters)
  assert.is((await Tokenizer.load(path)).vocabSize, (await Tokenizer.load(model)).vocabSize)
})

folders('a repository without its snapshot says what is there instead', async () => {
  const { path, snapshot } = hubRepository(model)
  const main = join(path, 'refs', 'main')
  for (const [content, cause] of [
    ['fedcba9876543210fedcba9876543210fedcba98', /refs\/main: names the snapshot fedc\w+, which is not there; /],
    ['../../etc', /refs\/main: holds "\.\.\/\.\.\/etc", expected the 40 digits of a commit; /],
    ['', /refs\/main: holds "", expected/],
  ] as const) {
    writeFileSync(main, content)
    await refused(() => modelFolder(path), cause, /or give one of the folders in .*snapshots$/)
  }
  writeFileSync(main, '0123456789abcdef0123456789abcdef01234567\n')
  assert.is(await modelFolder(path), snapshot)
  rmSync(main)
  await refused(() => openCheckpoint(path), /without refs\/main; download the model again, or give one of/)
})

folders('what is missing is told from a link that leads nowhere', async () => {
  const folder = tempFolder()
  assert.is(await statIfThere(join(folder, 'none')), undefined)
  symlinkSync('second', join(folder, 'first'))
  symlinkSync('blobs/gone', join(folder, 'second'))
  const target = join(folder, 'blobs/gone')
  await refused(
    () => statIfThere(join(folder, 'first')),
    new RegExp(`first: is a link to ${target}, which is missing; `),
  )
  await refused(() => modelFolder(join(folder, 'first')), new RegExp(`is a link to ${target}, which is missing; `))
  symlinkSync('round', join(folder, 'round'))
  await refused(() => statIfThere(join(folder, 'round')), /round: cannot be read \(ELOOP/)
})

for (const [name, openers] of [
  ['config.json', [openCheckpoint, inspect, Misc.load]],
  ['model.safetensors', [openCheckpoint, inspect, Misc.load]],
  ['vocab.json', [Tokenizer.load, Misc.load]],
  ['merges.txt', [Tokenizer.load, Misc.load]],
  ['tokenizer.json', [Tokenizer.load, Misc.load]],
  ['generation_config.json', [Misc.load]],
  ['model.safetensors.index.json', [openCheckpoint]],
] as const) {
  const files = async (content: string) => {
    const folder = tempFolder()
    cpSync(await tinyModel(), folder, { recursive: true })
    if (name === 'model.safetensors.index.json') rmSync(join(folder, 'model.safetensors'))
    if (name === 'tokenizer.json') rmSync(join(folder, 'vocab.json'))
    writeFileSync(join(folder, name), content)
    return hubRepository(folder)
  }
  folders(`a link of ${name} whose blob is missing is named with it`, async () => {
    const { path, blob } = await files('{}')
    rmSync(blob(name))
    const cause = new RegExp(`/${name}: is a link to ${blob(name)}, which is missing; `)
    for (const open of openers) await refused(() => open(path), cause)
  })
  folders(`a Git LFS pointer in place of ${name} is called one`, async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 350255744\n`
    const { path } = await files(pointer)
    const cause = new RegExp(`/${name}: is a Git LFS pointer .*git lfs pull`)
    for (const open of openers) await refused(() => open(path), cause)
  })
}

folders.run()
