import { join } from 'node:path'
import { openSafetensors } from '../../src/io/safetensors.js'
import { type TensorSource, writeSafetensors } from '../../src/io/safetensors-writer.js'
import { bytesOf } from '../io/raw-safetensors.js'
import { tempFolder } from '../temp.js'

/** A tensor to put into a file: F32 of a Float32Array, I64 of plain numbers. */
export interface NewTensor {
  shape: number[]
  values: Float32Array | readonly number[]
}

/**
 * Copies a safetensors file to a new folder, some tensors put in or replaced.
 *
 * @param changes by name; `undefined` leaves a tensor out, a function gets an F32 tensor's values and changes them.
 * @returns the new file's path, of the same name.
 */
export async function rewritten(
  path: string,
  changes: Readonly<Record<string, NewTensor | ((values: Float32Array) => void) | undefined>>,
  name = 'case.safetensors',
): Promise<string> {
  await using file = await openSafetensors(path)
  const sources = new Map<string, TensorSource>()
  for (const info of file.tensors.values()) {
    const change = changes[info.name]
    if (info.name in changes && !change) continue
    if (typeof change === 'function') {
      const values = await file.readF32(info.name)
      change(values)
      sources.set(info.name, { ...info, data: () => [values] })
    } else sources.set(info.name, { ...info, data: () => bytesOf(file, info.name) })
  }
  for (const [key, change] of Object.entries(changes)) {
    if (!change || typeof change === 'function') continue
    const { shape, values } = change
    const data = values instanceof Float32Array ? values : BigInt64Array.from(values, (value) => BigInt(value))
    const dtype = values instanceof Float32Array ? 'F32' : 'I64'
    sources.set(key, { name: key, dtype, shape, data: () => [data] })
  }
  const out = join(tempFolder(), name)
  await writeSafetensors(out, [...sources.values()])
  return out
}
