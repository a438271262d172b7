import { execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkWritable, writeWholeFile } from '../../src/io/whole-file.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const wholeFile = suite('io/whole-file')

const write = (path: string, words: string) => writeWholeFile(path, (file) => file.writeFile(words))
const read = (path: string) => readFileSync(path, 'utf8')

wholeFile('a file appears whole, or not at all, and no listener stays', async () => {
  const folder = tempFolder()
  const path = join(folder, 'a.txt')
  const listeners = process.listenerCount('SIGINT')
  await writeWholeFile(path, async (file) => {
    await file.write('half')
    assert.not(readdirSync(folder).includes('a.txt'))
    await file.write(' and half')
  })
  assert.is(read(path), 'half and half')
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
  assert.is(read(path), 'half and half')
  assert.is(process.listenerCount('SIGINT'), listeners)
})

wholeFile('a file that is replaced keeps its permissions', async () => {
  const path = join(tempFolder(), 'private')
  writeFileSync(path, 'a much longer text')
  chmodSync(path, 0o600)
  await write(path, 'new')
  assert.is(read(path), 'new')
  assert.is(statSync(path).mode & 0o777, 0o600)
})

wholeFile('a symbolic link stays; what it leads to is replaced, or made', async () => {
  const [folder, other] = [tempFolder(), tempFolder()]
  writeFileSync(join(folder, 'there'), 'old')
  const links = {
    absolute: [join(folder, 'there'), join(folder, 'there')],
    relative: ['there', join(folder, 'there')],
    dangling: ['made', join(folder, 'made')],
    elsewhere: [join(other, 'made'), join(other, 'made')],
    'of a link': ['dangling-too', join(folder, 'last')],
  }
  symlinkSync('last', join(folder, 'dangling-too'))
  for (const [name, [to, target]] of Object.entries(links) as [string, [string, string]][]) {
    const link = join(folder, name)
    symlinkSync(to, link)
    await checkWritable(link)
    await write(link, name)
    assert.is(read(target), name)
    assert.is(readlinkSync(link), to)
    assert.ok(lstatSync(target).isFile())
  }
  // `..` is of the folder that the link truly lies in, whatever path led there.
  mkdirSync(join(other, 'deep'))
  symlinkSync('../up', join(other, 'deep', 'link'))
  symlinkSync(join(other, 'deep'), join(folder, 'deep'))
  await write(join(folder, 'deep', 'link'), 'up')
  assert.is(read(join(other, 'up')), 'up')
  assert.equal(readdirSync(other).sort(), ['deep', 'made', 'up'])
})

wholeFile('a device is written to and stays one', async () => {
  // Our own, where we may make one: a fault would take the machine's away.
  const own = join(tempFolder(), 'null')
  const made = spawnSync('mknod', [own, 'c', '1', '3']).status === 0
  const device = made ? own : '/dev/null'
  await checkWritable(device)
  await write(device, 'words')
  assert.ok(statSync(device).isCharacterDevice())
  assert.is(read(device), '')
  await refused(() => write('/dev/full', 'words'), /^\/dev\/full: cannot be written \(ENOSPC/)
})

wholeFile('a pipe is written to and stays one, through a link too', async () => {
  const folder = tempFolder()
  const [pipe, link] = [join(folder, 'pipe'), join(folder, 'link')]
  execFileSync('mkfifo', [pipe])
  symlinkSync('pipe', link)
  for (const path of [pipe, link]) {
    const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'inherit'] })
    await checkWritable(path)
    // More than a pipe holds at once.
    const [got] = await Promise.all([text(reader.stdout), write(path, 'words '.repeat(50_000))])
    assert.is(got, 'words '.repeat(50_000))
    assert.ok(statSync(pipe).isFIFO())
  }
  assert.equal(readdirSync(folder).sort(), ['link', 'pipe'])
})

wholeFile('what cannot be written is refused, before the work too', async () => {
  const folder = tempFolder()
  const [file, loop, lost] = ['file', 'loop', 'lost'].map((name) => join(folder, name)) as [string, string, string]
  writeFileSync(file, '')
  symlinkSync('loop', loop)
  symlinkSync('/no/such/folder/file', lost)
  for (const [path, words] of [
    [folder, /: is a folder; name a file to write/],
    [`${folder}/new/`, /: is a folder; name a file to write/],
    ['', /: is a folder; name a file to write/],
    [join(folder, 'no', 'file'), /there is no folder .*no; make it first/],
    [lost, /there is no folder \/no\/such\/folder; make it first/],
    [join(file, 'file'), /cannot be written \(ENOTDIR/],
    [loop, /cannot be written \(ELOOP/],
    [join(folder, 'x'.repeat(300)), /cannot be written \(ENAMETOOLONG/],
  ] as const) {
    await refused(() => write(path, 'words'), words)
    await refused(() => checkWritable(path), words)
  }
  assert.equal(readdirSync(folder).sort(), ['file', 'loop', 'lost'])
})

wholeFile.run()
