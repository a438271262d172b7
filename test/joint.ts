/** joint-tiny: a case of it and its tokenizer lie in test/fixtures/golden, its weights are made anew. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { synthesize } from '../src/cli/synth.js'
import { openSafetensors } from '../src/io/safetensors.js'
import { fixture } from './fixtures.js'
import { sharedPath } from './shared.js'
import { tempFolder } from './temp.js'

const files = fixture('golden', 'joint-tiny')
let model: Promise<string> | undefined

/** The folder of joint-tiny: config.json, weights and tokenizer files; made once per run, removed at its end. */
export function jointModel(): Promise<string> {
  model ??= makeModel()
  return model
}

/** The paths of its case files: all where ../shared is there, else the first. */
export const jointCases = (): string[] =>
  ['case0', 'case1', 'case2'].flatMap((name) => {
    const file = `${name}.safetensors`
    return sharedPath('golden', 'joint-tiny', file) ?? (name === 'case0' ? join(files, file) : [])
  })

/** config.json's `synthetic_changes` multiply the formula's values, so that attention and logits are peaked. */
async function makeModel(): Promise<string> {
  const folder = tempFolder()
  cpSync(files, folder, { recursive: true, filter: (path) => !path.endsWith('.safetensors') })
  await synthesize(join(files, 'config.json'), folder)
  const path = join(folder, 'model.safetensors')
  const bytes = readFileSync(path)
  await using file = await openSafetensors(path)
  for (const { name, byteOffset, byteLength } of file.tensors.values()) {
    const values = new Float32Array(
      bytes.buffer.slice(bytes.byteOffset + byteOffset, bytes.byteOffset + byteOffset + byteLength),
    )
    const factor = FACTORS.find(([pattern]) => pattern.test(name))?.[1] ?? 1
    const changed = values.map((it) => it * factor)
    if (name === 'final_logits_bias') changed[2]! += 3
    bytes.set(new Uint8Array(changed.buffer), byteOffset)
  }
  writeFileSync(path, bytes)
  return folder
}

const FACTORS: readonly (readonly [RegExp, number])[] = [
  [/^model\.shared\.weight$/, 3],
  [/\.embed_positions\.weight$/, 32],
  [/\.[qk]_proj\.weight$/, 2],
  [/\.(out_proj|fc2)\.weight$/, 1.5],
]
