import { cpSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { shaders } from '../../src/platform/node/packaged.js'
import { type GoldenName, goldenModel } from '../golden.js'
import { rewritten } from './rewritten.js'

/** A change of a tensor's values, in place. */
export type Change = (values: Float32Array) => void

/** A copy of a golden model with some tensors changed, as {@link rewritten} does it. */
export async function changedModel(
  changes: Parameters<typeof rewritten>[1],
  name: GoldenName = 'misc-tiny-released',
): Promise<string> {
  const model = await goldenModel(name)
  const path = await rewritten(join(model, 'model.safetensors'), changes, 'model.safetensors')
  cpSync(join(model, 'config.json'), join(dirname(path), 'config.json'))
  return dirname(path)
}

/** Does the work while every device that is opened meanwhile finds a shader's text changed. */
export async function withShader<T>(file: string, from: string, to: string, work: () => Promise<T>): Promise<T> {
  const texts = shaders as Record<string, string>
  const before = texts[file]!
  if (!before.includes(from)) throw new Error(`${file} does not hold ${from}`)
  texts[file] = before.replace(from, to)
  try {
    return await work()
  } finally {
    texts[file] = before
  }
}
