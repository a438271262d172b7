import { join } from 'node:path'
import { InputError } from '../errors.js'
import { statIfThere } from '../io/model-folder.js'
import type { TensorInfo } from '../io/safetensors.js'
import { readJsonFile, readTextFile } from '../io/text-file.js'
import type { SourceTensor } from '../io/weight-source.js'
import { deduceConfig, type RecognizedModel, recognizeModel } from '../models/registry.js'
import type { NamedToken } from '../text/added-tokens.js'

/** Tensors of a checkpoint, by name. */
export type SourceTensors = ReadonlyMap<string, SourceTensor>

/** Settings in the words of config.json. */
export type Settings = Readonly<Record<string, unknown>>

/** A config.json. */
export interface ConfigFile {
  readonly file: string
  readonly json: Settings
  readonly text: string
}

/**
 * Reads a config.json.
 *
 * @param given its path, or that of the folder that holds it
 * @param folder where it lies when none is given; it may be missing there
 */
export async function readConfigFile(given: string | undefined, folder: string): Promise<ConfigFile | undefined> {
  const named = given !== undefined && (await statIfThere(given))?.isDirectory() ? join(given, 'config.json') : given
  const file = named ?? join(folder, 'config.json')
  if (named === undefined && !(await statIfThere(file))) return undefined
  const json = await readJsonFile(file)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new InputError(`${file}: is not a JSON object; a model's config.json is one`)
  }
  return { file, json: json as Settings, text: await readTextFile(file) }
}

/** What model some weights are of. */
export interface RecognizedWeights {
  readonly model: RecognizedModel
  /** By the names that a model's file has. */
  readonly tensors: SourceTensors
  /** What all names began with. */
  readonly prefix: string
  /** The text of the model's config.json. */
  readonly config: string
}

/**
 * Finds out what model the tensors are of, by their names: without the `module.` that training on several GPUs puts before
 * all of them, as they are or, where all begin alike, without that beginning.
 *
 * @param config undefined where the tensors are all that says anything
 * @param set what the config says in place of what it would
 * @param path the checkpoint, for messages
 * @param added the tokens that its files name as added
 * @throws InputError when they are no known model's, do not fit the config, or do not say all that a config does
 */
export function recognizeWeights(
  tensors: SourceTensors,
  config: ConfigFile | undefined,
  set: Settings,
  path: string,
  added: readonly NamedToken[] = [],
): RecognizedWeights {
  const attempt = (prefix: string): RecognizedWeights => {
    const renamed = new Map([...tensors.values()].map((it) => renamedTensor(it, it.name.slice(prefix.length))))
    const json = { ...(config?.json ?? deduced(renamed, set, path)), ...set }
    const unchanged = config && Object.keys(set).length === 0
    const checkpoint = { config: json, configFile: config?.file ?? path, tensors: asWritten(renamed) }
    const model = recognizeModel(checkpoint, path, added)
    return { model, tensors: renamed, prefix, config: unchanged ? config.text : `${JSON.stringify(json, null, 2)}\n` }
  }
  const longest = commonPrefix([...tensors.keys()])
  const parallel = /^(module\.)*/.exec(longest)![0]
  try {
    return attempt(parallel)
  } catch (error) {
    if (!(error instanceof InputError) || longest === parallel) throw error
    try {
      return attempt(longest)
    } catch {
      throw error
    }
  }
}

const renamedTensor = (tensor: SourceTensor, name: string): [string, SourceTensor] => [name, { ...tensor, name }]

/** The modules that all names begin with, as `module.`. */
function commonPrefix(names: readonly string[]): string {
  const [first = ''] = names
  let prefix = first
  do prefix = prefix.slice(0, prefix.lastIndexOf('.', prefix.length - 2) + 1)
  while (!names.every((name) => name.startsWith(prefix)))
  return prefix
}

/** What config.json would say where there is none. */
function deduced(tensors: SourceTensors, set: Settings, path: string): Settings {
  const found = deduceConfig(tensors, set)
  if (!found) {
    throw new InputError(
      `${path}: no config.json is beside it, and its tensors are no known model's; give --config FILE`,
    )
  }
  const missing = found.unknown.filter((key) => !Object.hasOwn(set, key))
  if (missing.length === 0) return found.known
  const flags = missing.map((key) => `--set ${key}=…`).join(' ')
  throw new InputError(
    `${path}: no config.json is beside it, and its tensors do not say ${missing.join(', ')}; give --config FILE, or ${flags}`,
  )
}

/** No loader takes weights in F64: they are written as F32. */
function asWritten(tensors: SourceTensors): ReadonlyMap<string, TensorInfo> {
  return new Map([...tensors].map(([key, it]) => [key, it.dtype === 'F64' ? { ...it, dtype: 'F32' } : it]))
}
