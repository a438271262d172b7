import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { writeWholeFile } from '../../src/io/whole-file.js'
import { tempFolder } from '../temp.js'

const wholeFile = suite('io/whole-file')

wholeFile('a file appears whole, or not at all, and no listener stays', async () => {
  const folder = tempFolder()
  const path = join(folder, 'a.txt')
  const listeners = process.listenerCount('SIGINT')
  await writeWholeFile(path, async (file) => {
    await file.write('half')
    assert.not(readdirSync(folder).includes('a.txt'))
    await file.write(' and half')
  })
  assert.is(readFileSync(path, 'utf8'), 'half and half')
  try {
    await writeWholeFile(path, async (file) => {
      await file.write('broken')
      throw new RangeError('no more')
    })
    assert.unreachable()
  } catch (error) {
    assert.instance(error, RangeError)
  }
  assert.equal(readdirSync(folder), ['a.txt'])
  assert.is(readFileSync(path, 'utf8'), 'half and half')
  assert.is(process.listenerCount('SIGINT'), listeners)
})

wholeFile.run()
