import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SafetensorsFile } from '../../src/io/safetensors.js'
import { tempFolder } from '../temp.js'

const folder = tempFolder()
let count = 0

/** Puts a file together from a header and data, however wrong they are, and returns its path. */
export function rawSafetensors(header: unknown, dataBytes: number | Uint8Array = 0, claimed?: bigint): string {
  const json =
    header instanceof Uint8Array ? header : Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(claimed ?? BigInt(json.length))
  const data = typeof dataBytes === 'number' ? Buffer.alloc(dataBytes) : dataBytes
  return rawFile(Buffer.concat([length, json, data]))
}

/** Writes bytes to a new file. */
export function rawFile(bytes: Uint8Array): string {
  const path = join(folder, `${count++}.safetensors`)
  writeFileSync(path, bytes)
  return path
}

/** A tensor's bytes, as what is written to another file. */
export async function* bytesOf(file: SafetensorsFile, name: string) {
  yield await file.readBytes(name)
}
