import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BinaryFile } from '../../src/io/binary-file.js'
import { ZipArchive } from '../../src/io/zip.js'
import { cpuMs } from '../cpu-ms.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'
import { type Member, zipFile } from './zips.js'

const zip = suite('io/zip')
const folder = tempFolder()
let count = 0

function fileOf(bytes: Uint8Array): Promise<BinaryFile> {
  const path = join(folder, `${count++}.zip`)
  writeFileSync(path, bytes)
  return BinaryFile.open(path)
}

async function contents(archive: ZipArchive, name: string): Promise<Buffer> {
  const bytes = Buffer.alloc(archive.sizeOf(name)!)
  await (await archive.openMember(name)).readInto(bytes, 0)
  return bytes
}

const sound: Member[] = [
  { name: 'a/data.pkl', data: Buffer.from('some bytes') },
  { name: 'a/data/0', data: Buffer.alloc(100_000, 'repeated '), compressed: true },
  { name: 'a/data/é', data: Buffer.alloc(0) },
]

for (const zip64 of [false, true]) {
  zip(`reads members, stored and compressed, ${zip64 ? 'of zip64' : 'at any place'}`, async () => {
    await using file = await fileOf(zipFile(sound, { zip64 }))
    const archive = await ZipArchive.open(file)
    assert.equal(archive.names, ['a/data.pkl', 'a/data/0', 'a/data/é'])
    for (const { name, data } of sound) assert.ok((await contents(archive, name)).equals(Buffer.from(data)))
    const middle = Buffer.alloc(5)
    await (await archive.openMember('a/data.pkl')).readInto(middle, 3)
    assert.is(String(middle), 'e byt')
    assert.is(archive.sizeOf('b'), undefined)
    await refused(() => archive.openMember('b'), /it holds no "b"; not a sound zip archive, download it again$/)
  })
}

/** Refused in less than a second, when it is opened or its first member is. */
async function quicklyRefused(bytes: Uint8Array, words: RegExp): Promise<void> {
  const start = cpuMs()
  await using file = await fileOf(bytes)
  await refused(async () => {
    const archive = await ZipArchive.open(file)
    await archive.openMember(archive.names[0]!)
  }, words)
  assert.ok(cpuMs() - start < 1000)
}

zip('refuses what is damaged', async () => {
  const file = zipFile(sound)
  const data = Buffer.from('some bytes')
  const one = (lies: Partial<Member>, options = {}) => zipFile([{ name: 'a', data, ...lies }], options)
  for (const [bytes, words] of [
    [Buffer.alloc(0), /end of central directory|End of central directory/],
    [file.subarray(0, 60), /End of central directory record signature not found/],
    [file.subarray(0, -1), /End of central directory|comment length/],
    [file.subarray(100), /signature|past its end/],
    [one({ crc: 1 }), /"a" is not as it was written: its checksum is wrong/],
    [one({ compressed: true, crc: 1 }), /"a" is not as it was written/],
    [one({ size: 9 }), /its checksum is wrong/],
    [one({ size: 1000 }), /past its end/],
    [one({ compressed: true, size: 9 }), /"a" cannot be decompressed|has not the 9 bytes/],
    [one({ compressed: true, size: 11 }), /"a" has not the 11 bytes that it announces/],
    [one({ method: 8 }), /compressed\/uncompressed size|cannot be decompressed/],
    [one({ method: 12 }), /"a" is encrypted or compressed in another way/],
    [one({ flags: 1 }), /is encrypted or compressed in another way|size mismatch/],
    [one({ flags: 0x40 }), /strong encryption is not supported/],
    [one({ offset: 5 }), /past its end|invalid local file header signature/],
    [one({ offset: 2 ** 52 }, { zip64: true }), /past its end/],
    [one({}, { count: 2 }), /signature|past its end/],
    [one({}, { zip64: true, count: 2 ** 50 }), /announces 1125899906842624 members, more than the limit of 20000/],
    [zipFile([sound[0]!, sound[0]!]), /"a\/data\.pkl" is in it twice/],
    [one({ name: '../a' }), /invalid relative path/],
    [one({ name: '/a' }), /absolute path/],
    [one({ name: 'a\\b' }), /invalid characters in fileName/],
  ] as const) {
    await quicklyRefused(bytes, words)
  }
})

zip('refuses bombs before it opens them', async () => {
  const zeros = { data: Buffer.alloc(2 ** 26 + 2 ** 24), compressed: true }
  await quicklyRefused(zipFile([{ name: 'a', ...zeros }]), /bytes would become 83886080, which no weights do/)
  await quicklyRefused(
    zipFile([{ name: 'a', data: Buffer.alloc(1000), compressed: true, size: 2 ** 32 - 2 }]),
    /would become 4294967294/,
  )
  // Many members whose bytes are the same ones.
  const data = Buffer.alloc(2 ** 20)
  const members = Array.from({ length: 50 }, (_, i) => ({ name: `${i}`, data: i ? Buffer.alloc(0) : data, offset: 0 }))
  await quicklyRefused(zipFile(members), /overlaps another member/)
})

zip.run()
