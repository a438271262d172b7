import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { type Dtype, dtypeBits, isDtype } from './dtype.js'
import { parseStrictJson, type StrictJson } from './strict-json.js'

/** What a tensor is. */
export interface TensorInfo {
  readonly name: string
  readonly dtype: Dtype
  /** Sizes, outermost first; empty for a single value. */
  readonly shape: readonly number[]
}

/** A tensor, and where it lies in its file. */
export interface StoredTensor extends TensorInfo {
  /** Position of its first byte in the file. */
  readonly byteOffset: number
  readonly byteLength: number
}

/** What a safetensors header says, checked. */
export interface SafetensorsHeader {
  /** By name, in the order of their data. */
  readonly tensors: ReadonlyMap<string, StoredTensor>
  /** The strings under `__metadata__`. */
  readonly metadata: ReadonlyMap<string, string>
}

/** Longest header that the format allows, in bytes. */
export const MAX_HEADER_BYTES = 100_000_000

const U64_MAX = 2n ** 64n - 1n

/**
 * Parses the JSON part of a safetensors header and checks it by every rule of the reference implementation: types,
 * dtypes, offsets that tile the data without hole or overlap, sizes that agree with the shapes.
 *
 * @param bytes the header's JSON, without the eight bytes of its length
 * @param fileBytes length of the whole file
 * @param file name for messages
 * @throws InputError that names the file, the tensor and the fault
 */
export function parseSafetensorsHeader(bytes: Uint8Array, fileBytes: number, file: string): SafetensorsHeader {
  const dataStart = 8 + bytes.length
  const json = headerJson(bytes, file)
  const entries = [...json].filter(([name]) => name !== '__metadata__')
  const infos = entries
    .map(([name, entry]) => tensorInfo(name, entry, dataStart, file))
    .sort((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength)
  checkTiling(infos, dataStart, fileBytes, file)
  return { tensors: new Map(infos.map((info) => [info.name, info])), metadata: metadata(json, file) }
}

function headerJson(bytes: Uint8Array, file: string): Map<string, StrictJson> {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw damaged(file, 'the header is not UTF-8')
  }
  let json: StrictJson
  try {
    json = parseStrictJson(text)
  } catch (error) {
    throw damaged(file, `the header is not valid JSON: ${(error as Error).message}`)
  }
  if (!(json instanceof Map)) throw damaged(file, 'the header is not a JSON object')
  return json
}

function metadata(json: Map<string, StrictJson>, file: string): Map<string, string> {
  const entry = json.get('__metadata__') ?? new Map()
  if (!(entry instanceof Map)) throw damaged(file, '__metadata__ is not an object')
  for (const [key, value] of entry) {
    if (typeof value !== 'string') throw damaged(file, `__metadata__ entry ${quote(key)} is not a string`)
  }
  return entry as Map<string, string>
}

function tensorInfo(name: string, entry: StrictJson, dataStart: number, file: string): StoredTensor {
  const fail = (what: string) => damaged(file, `tensor ${quote(name)} ${what}`)
  const size = (value: StrictJson, what: string): number => {
    if (typeof value !== 'bigint') throw fail(`has a ${what} that is not an integer`)
    if (value < 0n) throw fail(`has a negative ${what}`)
    if (value > Number.MAX_SAFE_INTEGER) throw fail(`has a ${what} beyond 2^53`)
    return Number(value)
  }

  if (!(entry instanceof Map)) throw fail('is not described by an object')
  const [dtype, shape, offsets] = ['dtype', 'shape', 'data_offsets'].map((key) => {
    const value = entry.get(key)
    if (value === undefined) throw fail(`has no ${key}`)
    return value
  })
  if (!isDtype(dtype)) throw fail(`has an unknown dtype${typeof dtype === 'string' ? ` ${quote(dtype)}` : ''}`)
  if (!Array.isArray(shape)) throw fail('has a shape that is not a list')
  if (!Array.isArray(offsets) || offsets.length !== 2) throw fail('has data_offsets that are not a pair')
  const sizes = shape.map((value) => size(value, 'size in its shape'))
  const [begin, end] = offsets.map((value) => size(value, 'data offset')) as [number, number]
  if (end < begin) throw fail(`ends at byte ${end}, before it begins at ${begin}`)

  const needed = byteLength(sizes, dtype, fail)
  if (needed !== BigInt(end - begin)) {
    throw fail(`of shape [${sizes}] and dtype ${dtype} needs ${needed} bytes, but its offsets give ${end - begin}`)
  }
  return { name, dtype, shape: sizes, byteOffset: dataStart + begin, byteLength: end - begin }
}

/** Bytes of a shape, with the reference's overflow rule: no partial product may pass 64 bits. */
function byteLength(shape: readonly number[], dtype: Dtype, fail: (what: string) => InputError): bigint {
  let bits = 1n
  for (const size of [...shape, dtypeBits(dtype)]) {
    bits *= BigInt(size)
    if (bits > U64_MAX) throw fail(`has a shape [${shape}] whose size overflows 64 bits`)
  }
  if (bits % 8n !== 0n) throw fail(`of shape [${shape}] and dtype ${dtype} does not fill whole bytes`)
  return bits / 8n
}

/** `infos`, sorted by offset, must cover the data from its first byte to the file's last, each byte once. */
function checkTiling(infos: readonly StoredTensor[], dataStart: number, fileBytes: number, file: string): void {
  let at = dataStart
  for (const { name, byteOffset, byteLength } of infos) {
    if (byteOffset > at) throw damaged(file, `a hole of ${byteOffset - at} bytes lies before tensor ${quote(name)}`)
    if (byteOffset < at) throw damaged(file, `tensor ${quote(name)} overlaps the tensor before it`)
    at = byteOffset + byteLength
  }
  if (at > fileBytes) throw damaged(file, `truncated: the tensors need ${at} bytes, the file has ${fileBytes}`)
  if (at < fileBytes) throw damaged(file, `${fileBytes - at} bytes follow the last tensor`)
}

/** The error for a file that breaks the format. */
export function damaged(file: string, what: string): InputError {
  return new InputError(`${file}: ${what}; not a sound safetensors file, download or convert it again`)
}
