import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bytesOf, CHECKSUMS, checksumsMatch, filesDigest, textDigest, writeChecksums } from '../../src/io/checksums.js'
import { tempFolder } from '../temp.js'

const checksums = suite('io/checksums')
const files = ['a', 'b']

async function sealed(): Promise<string> {
  const folder = tempFolder()
  writeFileSync(join(folder, 'a'), 'driver')
  writeFileSync(join(folder, 'b'), Buffer.alloc(100_000, 7))
  await writeChecksums(folder, files)
  return folder
}

checksums('hold for the files that were listed, as sha256sum finds too', async () => {
  const folder = await sealed()
  assert.ok(await checksumsMatch(folder, files))
  const { error, stdout } = spawnSync('sha256sum', ['--check', CHECKSUMS], { cwd: folder, encoding: 'utf8' })
  if (error) process.stderr.write('skipped, there is no sha256sum: that it reads the list\n')
  else assert.is(stdout, 'a: OK\nb: OK\n')
})

checksums('one digest of files of some names: that of the list of them, and changed by each', async () => {
  const folder = await sealed()
  const digest = () => filesDigest(folder, /^[ab]$/)
  const before = await digest()
  assert.is(before, textDigest(readFileSync(join(folder, CHECKSUMS), 'utf8')))
  let read = 0
  await filesDigest(folder, /^[ab]$/, (count) => {
    read += count
  })
  assert.equal([read, await bytesOf(folder, /^[ab]$/)], [100_006, 100_006])
  writeFileSync(join(folder, 'c'), 'more')
  assert.is(await digest(), before)
  writeFileSync(join(folder, 'a'), 'Driver')
  assert.is.not(await digest(), before)
  assert.is(textDigest('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

for (const [what, damage] of [
  ['a file of 0 bytes', (folder: string) => truncateSync(join(folder, 'b'), 0)],
  ['a byte more', (folder: string) => writeFileSync(join(folder, 'a'), 'driver!')],
  ['another byte', (folder: string) => writeFileSync(join(folder, 'a'), 'drivel')],
  ['a file missing', (folder: string) => rmSync(join(folder, 'a'))],
  ['no list', (folder: string) => rmSync(join(folder, CHECKSUMS))],
  ['an empty list', (folder: string) => truncateSync(join(folder, CHECKSUMS), 0)],
] as const) {
  checksums(`do not hold with ${what}`, async () => {
    const folder = await sealed()
    damage(folder)
    assert.not(await checksumsMatch(folder, files))
  })
}

checksums('do not hold for a file that was not listed, or where there is no folder', async () => {
  assert.not(await checksumsMatch(await sealed(), ['a']))
  assert.not(await checksumsMatch(join(tempFolder(), 'none'), files))
})

checksums.run()
