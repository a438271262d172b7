import type { FileHandle } from 'node:fs/promises'
import { ShapeError } from '../errors.js'
import { quote } from '../quote.js'
import { type Dtype, dtypeBits, elementCount } from './dtype.js'
import { writeWholeFile } from './whole-file.js'

/** A tensor to write. */
export interface TensorSource {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  /** Its values in order, in chunks of any size; a chunk may be reused once the next is asked for. */
  data(): Iterable<ArrayBufferView> | AsyncIterable<ArrayBufferView>
}

/**
 * Writes tensors to a safetensors file, in their order, holding no more than a chunk in memory. The file appears only
 * once it is whole.
 *
 * @throws ShapeError when a tensor's data is not as long as its shape says, or a name comes twice
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorSource[],
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  const header = headerBytes(tensors, metadata)
  await writeWholeFile(path, async (file) => {
    await writeFully(file, header)
    for (const tensor of tensors) await writeTensor(file, tensor)
  })
}

function headerBytes(tensors: readonly TensorSource[], metadata?: Readonly<Record<string, string>>): Uint8Array {
  const entries = new Map<string, unknown>()
  if (metadata) entries.set('__metadata__', metadata)
  let end = 0
  for (const { name, dtype, shape } of tensors) {
    if (entries.has(name) || name === '__metadata__') throw new ShapeError(`tensor name ${quote(name)} comes twice`)
    const begin = end
    end += byteLength(dtype, shape)
    entries.set(name, { dtype, shape, data_offsets: [begin, end] })
  }
  // The data begins at a multiple of 8, as readers that map the file like it.
  const members = [...entries].map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`)
  const json = Buffer.from(`{${members.join(',')}}`)
  const header = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ')
  header.writeBigUInt64LE(BigInt(header.length - 8))
  json.copy(header, 8)
  return header
}

async function writeTensor(file: FileHandle, { name, dtype, shape, data }: TensorSource): Promise<void> {
  const expected = byteLength(dtype, shape)
  let written = 0
  for await (const { buffer, byteOffset, byteLength } of data()) {
    await writeFully(file, new Uint8Array(buffer, byteOffset, byteLength))
    written += byteLength
  }
  if (written === expected) return
  throw new ShapeError(`tensor ${quote(name)} of shape [${shape}] needs ${expected} bytes, but its data has ${written}`)
}

async function writeFully(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten
}

function byteLength(dtype: Dtype, shape: readonly number[]): number {
  return (elementCount(shape) * dtypeBits(dtype)) / 8
}
