import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { BinaryFile, type ByteSource } from './binary-file.js'
import { dtypeBits } from './dtype.js'
import { isLfsPointer, lfsFault } from './lfs-pointer.js'
import { kindOf, type PickleValue, pickleLimits, readPickle } from './pickle.js'
import { TorchStorages, torchGlobals } from './torch-globals.js'
import type { TorchStorage } from './torch-tensor.js'
import type { ZipArchive } from './zip.js'

/** What a file of torch before 1.6 begins with, and the version that follows. */
const magic = 0x1950a86a20f9469cfc6cn
const legacyVersion = 1001

/** An open file of torch.save: what it holds, its tensors' values left on disk. Made by {@link openTorchFile}. */
export class TorchFile implements AsyncDisposable {
  /** @internal */
  constructor(
    private readonly file: BinaryFile,
    /** What was saved. */
    readonly value: PickleValue,
  ) {}

  get path(): string {
    return this.file.path
  }

  close(): Promise<void> {
    return this.file.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/**
 * Opens a file that torch.save wrote: a zip archive, or (before torch 1.6, and on request later) pickles with raw values after
 * them. It is read as data: no program in it is run, and one that it names is refused.
 *
 * @throws InputError when the file cannot be read, is damaged, names what no state dict needs, or goes beyond a limit
 */
export async function openTorchFile(path: string): Promise<TorchFile> {
  const file = await BinaryFile.open(path)
  try {
    const head = new Uint8Array(Math.min(file.size, 512))
    await file.readInto(head, 0)
    const kind = torchFormat(head)
    if (kind === 'zip') return new TorchFile(file, await readZip(file))
    if (kind === 'legacy') return new TorchFile(file, await readLegacy(file))
    throw new InputError(`${path}: ${isLfsPointer(head) ? lfsFault : otherFormat(head)}`)
  } catch (error) {
    await file.close()
    throw error
  }
}

/** Which of torch's formats a file is in that begins so, if any. */
export function torchFormat(head: Uint8Array): 'zip' | 'legacy' | undefined {
  const text = Buffer.from(head.subarray(0, 8)).toString('latin1')
  if (text.startsWith('PK\x03\x04') || text.startsWith('PK\x05\x06')) return 'zip'
  // A pickle says its protocol, or (protocol 1) begins with the number itself.
  return head[0] === 0x80 || text.startsWith('L1195470') ? 'legacy' : undefined
}

function otherFormat(head: Uint8Array): string {
  const text = Buffer.from(head).toString('latin1')
  if (text.slice(257, 262) === 'ustar') return 'is a tar archive; unpack it and give the file of weights in it'
  if (text.startsWith('\x1f\x8b')) return 'is compressed with gzip; unpack it and give the file of weights in it'
  return 'is neither safetensors nor a file of torch.save; check the path, or get the file anew'
}

async function readZip(file: BinaryFile): Promise<PickleValue> {
  const { path } = file
  const { ZipArchive } = await import('./zip.js')
  const zip = await ZipArchive.open(file)
  const pickles = zip.names.filter((name) => /^[^/]+\/data\.pkl$/.test(name))
  if (pickles.length !== 1) {
    throw new InputError(
      `${path}: is a zip archive, but not of torch.save; unpack it and give the file of weights in it`,
    )
  }
  const root = pickles[0]!.slice(0, -'data.pkl'.length)
  if (zip.names.some((name) => name === `${root}constants.pkl` || name.startsWith(`${root}code/`))) {
    throw new InputError(`${path}: is a TorchScript program; save its state_dict() with torch.save instead`)
  }
  const order = await small(zip, `${root}byteorder`)
  if (order && Buffer.from(order).toString('latin1') !== 'little') throw bigEndian(path)

  const storages = new TorchStorages()
  const pickle = await small(zip, pickles[0]!)
  const { value, length } = readPickle(pickle!, {
    source: path,
    globals: torchGlobals(),
    persistent: storages.persistent,
  })
  if (length !== pickle!.length) throw damaged(path, `${pickle!.length - length} bytes follow its pickle`)
  const members = new Members(zip)
  for (const storage of storages.byKey.values()) {
    const name = `${root}data/${storage.key}`
    const size = zip.sizeOf(name)
    if (size !== storage.byteLength) {
      throw damaged(path, `storage ${quote(storage.key)} needs ${storage.byteLength} bytes, but has ${size ?? 'none'}`)
    }
    storage.bytes = { readInto: async (target, position) => (await members.open(name)).readInto(target, position) }
  }
  return value
}

/** A member that fits in memory; undefined where there is none. */
async function small(zip: ZipArchive, name: string): Promise<Uint8Array | undefined> {
  const size = zip.sizeOf(name)
  if (size === undefined) return undefined
  // A byte beyond the limit is enough for the pickle's reader to say so.
  const bytes = new Uint8Array(Math.min(size, pickleLimits.bytes + 1))
  await (await zip.openMember(name)).readInto(bytes, 0)
  return bytes
}

/** Opens members when they are needed and keeps the last one: a compressed one is held in memory. */
class Members {
  #name = ''
  #bytes: Promise<ByteSource> | undefined

  constructor(readonly zip: ZipArchive) {}

  open(name: string): Promise<ByteSource> {
    if (name !== this.#name || !this.#bytes) {
      this.#bytes = this.zip.openMember(name)
      this.#name = name
    }
    return this.#bytes
  }
}

async function readLegacy(file: BinaryFile): Promise<PickleValue> {
  const { path, size } = file
  const bytes = new Uint8Array(Math.min(size, pickleLimits.bytes))
  await file.readInto(bytes, 0)
  let at = 0
  const next = (options: { persistent?: (id: PickleValue) => PickleValue } = {}): PickleValue => {
    const { value, length } = readPickle(bytes.subarray(at), { source: path, globals: torchGlobals(), ...options })
    at += length
    return value
  }
  if (next() !== magic) throw new InputError(`${path}: is a pickle, but not of torch.save; give the file of weights`)
  const version = next()
  if (version !== legacyVersion) throw damaged(path, 'its format is of an unknown version')
  const system = next()
  if (!(system instanceof Map)) throw damaged(path, 'it does not say what machine it is from')
  if (system.get('little_endian') !== true) throw bigEndian(path)
  const storages = new TorchStorages()
  const value = next({ persistent: storages.persistent })
  const keys = next()
  if (!Array.isArray(keys)) throw damaged(path, `${kindOf(keys)} stands where its storages are listed`)
  const end = await placeStorages(file, at, keys, storages.byKey)
  if (end !== size) throw damaged(path, `${size - end} bytes follow its last storage`)
  return value
}

/** Finds the storages' values: for each key in turn their number, in eight bytes, and the values. */
async function placeStorages(
  file: BinaryFile,
  start: number,
  keys: readonly PickleValue[],
  byKey: ReadonlyMap<string, TorchStorage>,
): Promise<number> {
  let at = start
  const prefix = new Uint8Array(8)
  for (const key of keys) {
    const storage = typeof key === 'string' ? byKey.get(key) : undefined
    if (!storage || storage.bytes) throw damaged(file.path, 'it lists a storage that it does not mention, or one twice')
    if (at + 8 > file.size) throw damaged(file.path, `it ends before storage ${quote(key)}`)
    await file.readInto(prefix, at)
    const first = at + 8
    const elements = (storage.byteLength * 8) / dtypeBits(storage.dtype ?? 'U8')
    const found = new DataView(prefix.buffer).getBigUint64(0, true)
    if (found !== BigInt(elements)) {
      throw damaged(file.path, `storage ${quote(key)} has ${found} elements, but should have ${elements}`)
    }
    at = first + storage.byteLength
    if (at > file.size) throw damaged(file.path, `it ends within storage ${quote(key)}`)
    storage.bytes = { readInto: (target, position) => file.readInto(target, first + position) }
  }
  for (const { key, bytes } of byKey.values()) {
    if (!bytes) throw damaged(file.path, `storage ${quote(key)} is mentioned, but not in it`)
  }
  return at
}

function bigEndian(path: string): InputError {
  return new InputError(`${path}: was written on a big-endian machine; save it again on a little-endian one`)
}

function damaged(path: string, what: string): InputError {
  return new InputError(`${path}: ${what}; not a sound file of torch.save, get it anew`)
}
