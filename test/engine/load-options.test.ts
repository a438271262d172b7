import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkDtype, checkLoadOptions, cometFolder, type LoadOptions } from '../../src/engine/load-options.js'
import { packagedModel } from '../../src/platform/node/packaged-model.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const options = suite('engine/load-options')

options('what is unknown or out of range is refused', async () => {
  const refuse = (wrong: object, pattern: RegExp) => refused(() => checkLoadOptions(wrong as LoadOptions), pattern)
  await refuse({ commet: false }, /^unknown load option "commet": there are adapter, .*comet, tune$/)
  await refuse({ dtype: 'f64' }, /^dtype must be one of f32, f16, int8, got "f64"$/)
  await refuse({ maxBatch: 0 }, /^maxBatch must be a whole number from 1 to 1024, got 0$/)
  await refuse({ maxQueue: 0.5 }, /^maxQueue must be a whole number of 0 or more, got 0\.5$/)
  await refuse({ tune: 'no' }, /^tune must be true or false, got "no"$/)
  checkLoadOptions({ comet: false, dtype: 'int8', maxBatch: 1, maxQueue: 0, tune: true, adapter: undefined })
  await refused(() => checkDtype('F32' as 'f32'), /got "F32"/)
  checkDtype()
})

const comet = suite('engine/load-options, the COMET’s folder')
const beside = tempFolder()
mkdirSync(join(beside, 'comet'))

comet('what is given goes before what lies beside the model', async () => {
  assert.is(await cometFolder(beside, '/a/comet'), '/a/comet')
  assert.is(await cometFolder(beside, pathToFileURL('/a/comet')), '/a/comet')
  assert.is(await cometFolder(beside, false), undefined)
  assert.is(await cometFolder(packagedModel(), '/a/comet'), '/a/comet')
  assert.is(await cometFolder(packagedModel(), false), undefined)
})

comet('a folder comet beside the model’s files; a file of that name is none', async () => {
  assert.is(await cometFolder(beside, undefined), join(beside, 'comet'))
  const [none, file] = [tempFolder(), tempFolder()]
  writeFileSync(join(file, 'comet'), '')
  assert.equal([await cometFolder(none, undefined), await cometFolder(file, undefined)], [undefined, undefined])
})

comet('the packaged model has the packaged COMET, by whatever path; a copy of it has none', async () => {
  const own = packagedModel('comet-mini')
  assert.is(await cometFolder(packagedModel(), undefined), own)
  assert.is(await cometFolder(`${packagedModel()}/../misc-mini/`, undefined), own)
  const link = join(tempFolder(), 'model')
  symlinkSync(packagedModel(), link)
  assert.is(await cometFolder(link, undefined), own)
  const copy = tempFolder()
  cpSync(packagedModel(), copy, { recursive: true })
  assert.is(await cometFolder(copy, undefined), undefined)
  assert.is(await cometFolder(own, undefined), undefined)
})

comet('what is no path is refused', async () => {
  for (const wrong of ['', true, 7, null, {}, new URL('https://example.org/comet'), 'a\0b'] as never[]) {
    await refused(() => cometFolder(beside, wrong), /^comet must be a path or a file URL, got /)
  }
  const broken = tempFolder()
  symlinkSync('/no/such', join(broken, 'comet'))
  await refused(() => cometFolder(broken, undefined), /comet: /)
})

for (const it of [options, comet]) it.run()
