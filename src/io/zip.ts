import { promisify } from 'node:util'
import zlib from 'node:zlib'
import yauzl from 'yauzl'
import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { type BinaryFile, type ByteSource, CHUNK_BYTES } from './binary-file.js'

const mostMembers = 20_000
/** Members that are compressed are opened in memory, one at a time. */
const largestInflated = 2 ** 30
/** Weights hardly shrink: an archive that would grow beyond this many times its size, and this much, is a bomb. */
const largestGrowth = 16
const growthForAll = 2 ** 26

/** An open zip archive of which members are read at any place. The directory is checked, the members when they are opened. */
export class ZipArchive {
  private constructor(
    private readonly file: BinaryFile,
    private readonly zip: yauzl.ZipFile,
    private readonly members: ReadonlyMap<string, yauzl.Entry>,
  ) {}

  /** @throws InputError when it is damaged, encrypted, or a bomb */
  static async open(file: BinaryFile): Promise<ZipArchive> {
    const reader = new FileReader(file)
    const zip = await naming(file, () =>
      yauzl.fromRandomAccessReaderPromise(reader, file.size, { autoClose: false, strictFileNames: true }),
    )
    if (!(zip.entryCount <= mostMembers)) {
      throw damaged(file, `it announces ${zip.entryCount} members, more than the limit of ${mostMembers}`)
    }
    const members = new Map<string, yauzl.Entry>()
    await naming(file, async () => {
      for await (const entry of zip.eachEntry()) {
        if (members.has(entry.fileName)) throw damaged(file, `${quote(entry.fileName)} is in it twice`)
        members.set(entry.fileName, entry)
      }
    })
    checkSizes(file, [...members.values()])
    return new ZipArchive(file, zip, members)
  }

  get names(): string[] {
    return [...this.members.keys()]
  }

  /** A member's length in bytes; undefined where there is none of this name. */
  sizeOf(name: string): number | undefined {
    return this.members.get(name)?.uncompressedSize
  }

  /**
   * A member's bytes, once it is sure that they are as they were written: its checksum is right. One that is compressed is
   * held in memory.
   *
   * @throws InputError when it is damaged, encrypted, or compressed in an unknown way
   */
  async openMember(name: string): Promise<ByteSource> {
    const entry = this.members.get(name)
    if (!entry) throw damaged(this.file, `it holds no ${quote(name)}`)
    if (!entry.canDecodeFileData()) throw damaged(this.file, `${quote(name)} is encrypted or compressed in another way`)
    const { fileDataStart: start } = await naming(this.file, () =>
      this.zip.readLocalFileHeaderPromise(entry, { minimal: true }),
    )
    if (start + entry.compressedSize > this.file.size) throw damaged(this.file, `${quote(name)} goes past its end`)
    const stored = part(this.file, start)
    const bytes = entry.compressionMethod === 0 ? stored : await this.#inflate(name, entry, stored)
    await this.#check(name, entry, bytes)
    return bytes
  }

  async #inflate(name: string, entry: yauzl.Entry, compressed: ByteSource): Promise<ByteSource> {
    const { compressedSize, uncompressedSize } = entry
    if (uncompressedSize > largestInflated) {
      throw damaged(this.file, `${quote(name)} is compressed and over the limit of ${largestInflated} bytes`)
    }
    const input = new Uint8Array(compressedSize)
    await compressed.readInto(input, 0)
    // A byte more than it should have tells of one that has more, without making all of it.
    const limit = { maxOutputLength: uncompressedSize + 1 }
    const output = await inflateRaw(input, limit).catch((error: Error) => {
      throw damaged(this.file, `${quote(name)} cannot be decompressed (${error.message})`)
    })
    if (output.length !== uncompressedSize) {
      throw damaged(this.file, `${quote(name)} has not the ${uncompressedSize} bytes that it announces`)
    }
    return part({ readInto: async (target, position) => void output.copy(target, 0, position) }, 0)
  }

  async #check(name: string, { uncompressedSize, crc32 }: yauzl.Entry, bytes: ByteSource): Promise<void> {
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, uncompressedSize))
    let found = 0
    for (let done = 0; done < uncompressedSize; done += chunk.length) {
      const piece = chunk.subarray(0, Math.min(chunk.length, uncompressedSize - done))
      await bytes.readInto(piece, done)
      found = zlib.crc32(piece, found)
    }
    if (found !== crc32) throw damaged(this.file, `${quote(name)} is not as it was written: its checksum is wrong`)
  }
}

const inflateRaw = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.inflateRaw)

/** Bytes from a place on. */
function part(bytes: ByteSource, start: number): ByteSource {
  return { readInto: (target, position) => bytes.readInto(target, start + position) }
}

/** No two members share bytes, and together they do not grow beyond measure. */
function checkSizes(file: BinaryFile, entries: readonly yauzl.Entry[]): void {
  let end = 0
  let total = 0
  const sorted = entries.toSorted((a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader)
  for (const entry of sorted) {
    const { fileName, relativeOffsetOfLocalHeader: start, compressedSize, fileNameLength, uncompressedSize } = entry
    if (start < end) throw damaged(file, `${quote(fileName)} overlaps another member`)
    // A local header has 30 bytes, a name, and what only it says.
    end = start + 30 + fileNameLength + compressedSize
    total += uncompressedSize
  }
  if (!(end <= file.size)) throw damaged(file, 'a member goes past its end')
  if (total > file.size * largestGrowth + growthForAll) {
    throw damaged(file, `${file.size} bytes would become ${total}, which no weights do`)
  }
}

/** What the library reads with. It reads small pieces one after another, so some more is kept. */
class FileReader extends yauzl.RandomAccessReader {
  #kept = Buffer.alloc(0)
  #keptAt = 0

  constructor(readonly file: BinaryFile) {
    super()
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    this.#read(buffer.subarray(offset, offset + length), position).then(
      () => callback(null, length),
      (error) => callback(error),
    )
  }

  async #read(target: Buffer, position: number): Promise<void> {
    if (!(position >= 0 && position + target.length <= this.file.size)) throw new Error('it points past its end')
    if (position < this.#keptAt || position + target.length > this.#keptAt + this.#kept.length) {
      this.#kept = Buffer.alloc(Math.min(Math.max(target.length, 2 ** 16), this.file.size - position))
      this.#keptAt = position
      await this.file.readInto(this.#kept, position)
    }
    this.#kept.copy(target, 0, position - this.#keptAt)
  }

  override close(callback: (error: Error | null) => void): void {
    callback(null)
  }
}

/** Does work of the library's; its errors say what is wrong with the file. */
async function naming<T>(file: BinaryFile, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof InputError) throw error
    throw damaged(file, (error as Error).message.replaceAll(/\s+/g, ' ').slice(0, 200))
  }
}

function damaged({ path }: BinaryFile, what: string): InputError {
  return new InputError(`${path}: ${what}; not a sound zip archive, download it again`)
}
