import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkEmptyFolder, writeWholeFolder } from '../../src/io/whole-folder.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const wholeFolder = suite('io/whole-folder')

const fill = async (folder: string) => {
  mkdirSync(join(folder, 'deep'))
  writeFileSync(join(folder, 'deep', 'a'), 'words')
}

wholeFolder('appears whole: new, deep, in place of an empty one, or where a link leads', async () => {
  const root = tempFolder()
  mkdirSync(join(root, 'empty'))
  mkdirSync(join(root, 'target'))
  symlinkSync('target', join(root, 'link'))
  const listeners = process.listenerCount('SIGINT')
  for (const path of ['new', 'far/down/here', 'empty', 'link', 'slash/']) {
    await writeWholeFolder(join(root, path), async (folder) => {
      await fill(folder)
      if (path === 'new') assert.not(readdirSync(root).includes('new'))
    })
    assert.is(readFileSync(join(root, path, 'deep', 'a'), 'utf8'), 'words')
  }
  assert.equal(readdirSync(root).sort(), ['empty', 'far', 'link', 'new', 'slash', 'target'])
  assert.ok(lstatSync(join(root, 'link')).isSymbolicLink())
  assert.is(process.listenerCount('SIGINT'), listeners)
})

wholeFolder('or not at all', async () => {
  const root = tempFolder()
  mkdirSync(join(root, 'empty'))
  for (const path of ['new', 'far/down/here', 'empty', 'empty/within/it']) {
    try {
      await writeWholeFolder(join(root, path), async (folder) => {
        await fill(folder)
        throw new RangeError('no more')
      })
      assert.unreachable()
    } catch (error) {
      assert.instance(error, RangeError)
    }
    assert.equal([readdirSync(root), readdirSync(join(root, 'empty'))], [['empty'], []])
  }
})

wholeFolder('what is in the way is refused before anything is written, and stays', async () => {
  const root = tempFolder()
  const full = join(root, 'full')
  mkdirSync(full)
  writeFileSync(join(full, 'mine'), '1')
  for (const [path, words] of [
    [full, /full: holds "mine" already; choose another folder, or empty it$/],
    [join(full, 'mine'), /mine: is no folder; choose another$/],
    [join(full, 'mine', 'x'), /is no folder|cannot be made/],
    ['', /the folder to write has no name/],
  ] as const) {
    await refused(() => checkEmptyFolder(path), words)
    await refused(() => writeWholeFolder(path, async () => assert.unreachable()), words)
  }
  await refused(
    () =>
      writeWholeFolder(join(root, 'late'), async () => {
        mkdirSync(join(root, 'late'))
        writeFileSync(join(root, 'late', 'theirs'), '')
      }),
    /late: cannot be made \(ENOTEMPTY/,
  )
  assert.equal(readdirSync(root).sort(), ['full', 'late'])
  if (process.getuid?.() === 0) return
  chmodSync(root, 0o500)
  await refused(() => writeWholeFolder(join(root, 'new'), fill), /new: cannot be made \(EACCES/)
  chmodSync(root, 0o700)
})

wholeFolder.run()
