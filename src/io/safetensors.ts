import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { BinaryFile } from './binary-file.js'
import { elementCount } from './dtype.js'
import { bf16ToF32, f16ToF32 } from './half.js'
import { isLfsPointer, lfsFault, lfsOpeningBytes } from './lfs-pointer.js'
import {
  damaged,
  MAX_HEADER_BYTES,
  parseSafetensorsHeader,
  type StoredTensor,
  type TensorInfo,
} from './safetensors-header.js'

export type { StoredTensor, TensorInfo } from './safetensors-header.js'

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
  const file = await BinaryFile.open(path)
  try {
    const header = parseSafetensorsHeader(await readHeader(file), file.size, path)
    return new SafetensorsFile(file, header.tensors, header.metadata)
  } catch (error) {
    await file.close()
    throw error
  }
}

async function readHeader(file: BinaryFile): Promise<Uint8Array> {
  const { path, size: fileBytes } = file
  if (fileBytes < 8) throw damaged(path, `the file has ${fileBytes} bytes, fewer than the 8 of a header's length`)
  const prefix = new Uint8Array(8)
  await file.readInto(prefix, 0)
  const length = new DataView(prefix.buffer).getBigUint64(0, true)
  if (length > MAX_HEADER_BYTES) {
    const head = new Uint8Array(Math.min(fileBytes, lfsOpeningBytes))
    await file.readInto(head, 0)
    if (isLfsPointer(head)) throw new InputError(`${path}: ${lfsFault}`)
    throw damaged(path, `the header claims ${length} bytes, over the format's 100,000,000`)
  }
  if (8 + Number(length) > fileBytes) {
    throw damaged(path, `truncated: the header claims ${length} bytes, past the end of a file of ${fileBytes}`)
  }
  const bytes = new Uint8Array(Number(length))
  await file.readInto(bytes, 8)
  return bytes
}

/** An open safetensors file. Made by {@link openSafetensors}. */
export class SafetensorsFile implements TensorReader {
  /** @internal */
  constructor(
    private readonly file: BinaryFile,
    readonly tensors: ReadonlyMap<string, StoredTensor>,
    /** The strings under `__metadata__`. */
    readonly metadata: ReadonlyMap<string, string>,
  ) {}

  get path(): string {
    return this.file.path
  }

  async readBytes(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(this.#info(name).byteLength)
    await this.readBytesInto(name, 0, bytes)
    return bytes
  }

  /** Fills memory with a tensor's bytes from the byte `start` on. @throws as {@link readBytes} does */
  async readBytesInto(name: string, start: number, target: Uint8Array): Promise<void> {
    const { byteOffset, byteLength } = this.#info(name)
    if (start + target.length > byteLength) {
      throw new RangeError(`${this.path}: tensor ${quote(name)} ends before byte ${start + target.length}`)
    }
    await this.file.readInto(target, byteOffset + start)
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
    await this.readBytesInto(name, start * elementBytes, bytes)
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

  close(): Promise<void> {
    return this.file.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #info(name: string): StoredTensor {
    const info = this.tensors.get(name)
    if (info) return info
    throw new InputError(`${this.path}: holds no tensor ${quote(name)}; misc inspect lists what a model holds`)
  }
}
