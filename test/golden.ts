/** The small golden models: their cases lie in test/fixtures/golden, their weights are made anew. */
import { closeSync, openSync, readdirSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { synthesize } from '../src/cli/synth.js'
import { openSafetensors } from '../src/io/safetensors.js'
import { tempFolder } from './temp.js'

const fixtures = fileURLToPath(new URL('./fixtures/golden', import.meta.url))

export const GOLDEN_NAMES = [
  'misc-tiny-paper',
  'misc-tiny-released',
  'misc-tiny-eos-paper',
  'misc-tiny-eos-released',
  'misc-odd-paper',
  'misc-odd-released',
] as const

/** Those of other families; their names and shapes, and so their weights, follow from the config alone, but for gpt-tiny's. */
export const FAMILY_GOLDENS = ['bart-tiny', 'blenderbot-tiny', 'gpt-tiny'] as const

/** Those whose weights follow from no formula, and lie beside their cases. */
export const LISTENERS_GOLDENS = ['transformer-tiny', 'moel-tiny', 'mime-tiny'] as const
export type GoldenName =
  | (typeof GOLDEN_NAMES)[number]
  | (typeof FAMILY_GOLDENS)[number]
  | (typeof LISTENERS_GOLDENS)[number]

/** The folder of a golden model's config.json, tensors.json and cases. */
export function goldenFolder(name: GoldenName): string {
  return join(fixtures, name)
}

/** The paths of a golden model's case files. */
export function goldenCases(name: GoldenName): string[] {
  const folder = goldenFolder(name)
  return readdirSync(folder)
    .filter((file) => /^case\d+\.safetensors$/.test(file))
    .sort()
    .map((file) => join(folder, file))
}

let root: string | undefined
const models = new Map<GoldenName, Promise<string>>()

/** A folder with config.json and model.safetensors of a golden model; made once per run, removed at its end. */
export function goldenModel(name: GoldenName): Promise<string> {
  const model = models.get(name) ?? makeModel(name)
  models.set(name, model)
  return model
}

async function makeModel(name: GoldenName): Promise<string> {
  if (LISTENERS_GOLDENS.some((it) => it === name)) return goldenFolder(name)
  root ??= tempFolder()
  const out = join(root, name)
  await synthesize(goldenFolder(name), out)
  if (name.startsWith('misc-tiny-eos')) await raiseEos(join(out, 'model.safetensors'))
  return out
}

/** Adds 7 to the bias of id 2, so that replies end. */
async function raiseEos(path: string): Promise<void> {
  const file = await openSafetensors(path)
  const { byteOffset } = file.tensors.get('final_logits_bias')!
  await file.close()
  const value = new Float32Array(1)
  const handle = openSync(path, 'r+')
  readSync(handle, value, 0, 4, byteOffset + 8)
  value[0] = value[0]! + 7
  writeSync(handle, value, 0, 4, byteOffset + 8)
  closeSync(handle)
}
