import { type FileHandle, open } from 'node:fs/promises'
import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { elementCount } from './dtype.js'
import { bf16ToF32, f16ToF32 } from './half.js'
import { isLfsPointer, lfsFault, lfsOpeningBytes } from './lfs-pointer.js'
import { damaged, MAX_HEADER_BYTES, parseSafetensorsHeader, type TensorInfo } from './safetensors-header.js'
import { readFault } from './text-file.js'

export type { TensorInfo } from './safetensors-header.js'

/** Something that holds named tensors: a safetensors file, or a checkpoint of several. */
export interface TensorReader extends AsyncDisposable {
  /** Every tensor by name. */
  readonly tensors: ReadonlyMap<string, TensorInfo>

  /**
   * A whole tensor as it lies in the file, for small ones.
   *
   * @throws InputError when there is no such tensor, or the file cannot be read
   */
  readBytes(name: string): Promise<Uint8Array<ArrayBuffer>>

  /**
   * Fills memory with a tensor's elements from `start` on, converted to F32 from F32, F16 or BF16.
   *
   * @throws InputError as {@link readBytes} does, and when the tensor's dtype is another
   */
  readF32Into(name: string, start: number, target: Float32Array<ArrayBuffer>): Promise<void>

  /** A whole F32, F16 or BF16 tensor as F32, for small ones. */
  readF32(name: string): Promise<Float32Array<ArrayBuffer>>

  /** A whole I64 tensor, for small ones. @throws InputError also when a value lies beyond 2^53 */
  readI64(name: string): Promise<number[]>

  /** Closes what is open. Harmless when repeated. */
  close(): Promise<void>
}

/**
 * Opens a safetensors file: reads and checks its header, and leaves the tensors on disk until they are asked for.
 *
 * @throws InputError when the file cannot be read or breaks the format in any way
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  let handle: FileHandle
  try {
    handle = await open(path, 'r')
  } catch (error) {
    throw new InputError(`${path}: ${readFault(error)}`)
  }
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) throw new InputError(`${path}: is not a file`)
    const header = parseSafetensorsHeader(await readHeader(handle, stat.size, path), stat.size, path)
    return new SafetensorsFile(path, handle, header.tensors, header.metadata)
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function readHeader(handle: FileHandle, fileBytes: number, path: string): Promise<Uint8Array> {
  if (fileBytes < 8) throw damaged(path, `the file has ${fileBytes} bytes, fewer than the 8 of a header's length`)
  const prefix = new Uint8Array(8)
  await readFully(handle, prefix, 0, path)
  const length = new DataView(prefix.buffer).getBigUint64(0, true)
  if (length > MAX_HEADER_BYTES) {
    const head = new Uint8Array(Math.min(fileBytes, lfsOpeningBytes))
    await readFully(handle, head, 0, path)
    if (isLfsPointer(head)) throw new InputError(`${path}: ${lfsFault}`)
    throw damaged(path, `the header claims ${length} bytes, over the format's 100,000,000`)
  }
  if (8 + Number(length) > fileBytes) {
    throw damaged(path, `truncated: the header claims ${length} bytes, past the end of a file of ${fileBytes}`)
  }
  const bytes = new Uint8Array(Number(length))
  await readFully(handle, bytes, 8, path)
  return bytes
}

async function readFully(handle: FileHandle, target: Uint8Array, position: number, path: string): Promise<void> {
  let done = 0
  while (done < target.length) {
    const { bytesRead } = await handle.read(target, done, target.length - done, position + done).catch((error) => {
      throw new InputError(`${path}: ${readFault(error)}`)
    })
    if (bytesRead === 0) throw new InputError(`${path}: became shorter while it was read; read it again when whole`)
    done += bytesRead
  }
}

/** An open safetensors file. Made by {@link openSafetensors}. */
export class SafetensorsFile implements TensorReader {
  #handle: FileHandle | undefined

  /** @internal */
  constructor(
    readonly path: string,
    handle: FileHandle,
    readonly tensors: ReadonlyMap<string, TensorInfo>,
    /** The strings under `__metadata__`. */
    readonly metadata: ReadonlyMap<string, string>,
  ) {
    this.#handle = handle
  }

  async readBytes(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(this.#info(name).byteLength)
    await this.#readInto(name, 0, bytes)
    return bytes
  }

  async readF32Into(name: string, start: number, target: Float32Array<ArrayBuffer>): Promise<void> {
    const { dtype } = this.#info(name)
    if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16') {
      throw new InputError(`${this.path}: tensor ${quote(name)} is ${dtype}, but F32, F16 or BF16 is needed`)
    }
    const elementBytes = dtype === 'F32' ? 4 : 2
    // Halves go to the far half of the target and are converted from the near end on: each is read before it is overwritten.
    const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength).subarray(
      -target.length * elementBytes,
    )
    await this.#readInto(name, start * elementBytes, bytes)
    if (dtype === 'F32') return
    const convert = dtype === 'F16' ? f16ToF32 : bf16ToF32
    convert(new Uint16Array(bytes.buffer, bytes.byteOffset, target.length), target)
  }

  async readF32(name: string): Promise<Float32Array<ArrayBuffer>> {
    const values = new Float32Array(elementCount(this.#info(name).shape))
    await this.readF32Into(name, 0, values)
    return values
  }

  async readI64(name: string): Promise<number[]> {
    const { dtype } = this.#info(name)
    if (dtype !== 'I64') throw new InputError(`${this.path}: tensor ${quote(name)} is ${dtype}, but I64 is needed`)
    const values = Array.from(new BigInt64Array((await this.readBytes(name)).buffer), Number)
    if (values.every(Number.isSafeInteger)) return values
    throw new InputError(`${this.path}: tensor ${quote(name)} holds an integer beyond 2^53`)
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #readInto(name: string, start: number, target: Uint8Array): Promise<void> {
    const { byteOffset, byteLength } = this.#info(name)
    if (start + target.length > byteLength) {
      throw new RangeError(`${this.path}: tensor ${quote(name)} ends before byte ${start + target.length}`)
    }
    if (!this.#handle) throw new InputError(`${this.path}: was closed while tensor ${quote(name)} was read`)
    await readFully(this.#handle, target, byteOffset + start, this.path)
  }

  #info(name: string): TensorInfo {
    const info = this.tensors.get(name)
    if (info) return info
    throw new InputError(`${this.path}: holds no tensor ${quote(name)}; misc inspect lists what a model holds`)
  }
}
