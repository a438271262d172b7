import { InputError, OutOfMemoryError } from '../errors.js'
import type { Gpu } from '../gpu/gpu.js'
import { type WeightDtype, weightDtypes } from '../gpu/tensor.js'
import { openCheckpoint } from '../io/checkpoint.js'
import type { TensorReader } from '../io/safetensors.js'
import { type MiscConfig, parseConfig } from '../models/misc/config.js'
import type { MiscWeights } from '../models/misc/layout.js'
import type { Model } from '../models/model.js'
import {
  type Description,
  describeModel,
  type Family,
  type ModelDescription,
  type ModelOf,
  recognizeModel,
} from '../models/registry.js'
import type { CheckedTensors } from '../nn/check-tensors.js'
import { loadWeights, storedDtype } from '../nn/load-weights.js'
import { weightMemory } from '../nn/memory.js'
import { namedTokens } from '../text/vocabulary.js'
import type { OnProgress } from './loading-bar.js'

/** How a model is loaded. */
export interface LoadModelOptions<F extends Family = Family> {
  /** The only family that will do; default: any. */
  readonly family?: F | undefined
  /** The number format of weight matrices on the GPU; default: {@link storedDtype}. */
  readonly dtype?: WeightDtype | undefined
  readonly onProgress?: OnProgress | undefined
  /** Tensors of the files that are taken for zeros, by their names; default: none. */
  readonly zeroed?: RegExp | undefined
  /** Called when the tensors are made and not yet filled: what works with them can be compiled meanwhile. */
  readonly onTensors?: ((model: ModelOf<F>) => void) | undefined
}

/**
 * Reads a model folder (config.json and weights; no tokenizer) into GPU memory.
 *
 * @throws InputError where a file is missing or wrong, or it holds a model of no family, or of another.
 * @throws OutOfMemoryError that says what its weights take in each dtype; what was made of it is freed.
 */
export async function openModel<F extends Family = Family>(
  gpu: Gpu,
  folder: string,
  { family, dtype, onProgress, zeroed, onTensors }: LoadModelOptions<F> = {},
): Promise<ModelOf<F>> {
  await using checkpoint = await openCheckpoint(folder)
  const added = await namedTokens(checkpoint.folder)
  const description: AnyDescription = recognizeModel(checkpoint, folder, added)
  if (family !== undefined) expectFamily(description, family, folder)
  const { tensors, layout } = description
  const format = dtype ?? storedDtype(tensors, layout.weights)
  let model: ModelOf<F> | undefined
  const load = () =>
    loadWeights(gpu, zeroed ? withZeros(checkpoint, zeroed) : checkpoint, tensors, layout.weights, format, {
      onProgress: (done, total) => onProgress?.(done, total, 'weights'),
      onTensors: (weights) => {
        model = description.create(gpu, weights) as ModelOf<F>
        onTensors?.(model)
      },
    })
  await gpu.scoped(folder, load).catch((error) => {
    if (!(error instanceof OutOfMemoryError)) throw error
    const sizes = weightDtypes.map((it) => `${weightMemory(layout.weights, it).total} as ${it}`)
    throw new OutOfMemoryError(`${error.message}; of bytes, its weights take ${sizes.join(', ')}; asked for ${format}`)
  })
  return model!
}

/** A reader that gives zeros for some tensors. */
const withZeros = (reader: TensorReader, zeroed: RegExp): Pick<TensorReader, 'readF32Into'> => ({
  readF32Into: async (name, start, target) => {
    if (zeroed.test(name)) target.fill(0)
    else await reader.readF32Into(name, start, target)
  },
})

/** The weights of a MISC model folder, as {@link openModel} reads them. */
export async function loadModel(
  gpu: Gpu,
  folder: string,
  options: Omit<LoadModelOptions<'misc'>, 'family'> = {},
): Promise<MiscWeights> {
  return (await openModel(gpu, folder, { ...options, family: 'misc' })).weights
}

/** @throws InputError where a folder holds a model of another family. */
export function expectFamily<F extends Family>(
  description: Pick<ModelDescription, 'title'> & { readonly family: string },
  expected: F,
  folder: string,
): asserts description is Extract<ModelDescription, { readonly family: F }> {
  const { family, title } = description
  if (family === expected) return
  const names = {
    ...{ misc: 'a MISC checkpoint', bart: 'a plain backbone', joint: 'a BlenderBot-Joint' },
    ...{ gpt: 'a decoder alone', listeners: 'a baseline' },
  }
  const without = expected === 'misc' && family === 'bart' ? ' without any of MISC’s tensors' : ''
  throw new InputError(`${folder}: holds ${title}${without}; ${names[expected]} is needed`)
}

/** What a model's folder holds; its weights are left on disk. */
export type ModelFolder = ModelDescription & {
  /** Where its files lie: the folder that was given, or the snapshot in Hugging Face's cache. */
  readonly folder: string
  /** The parsed config.json. */
  readonly json: unknown
}

/**
 * Finds out what a model folder holds.
 *
 * @throws InputError where it is of no family, or a file is missing or wrong
 */
export async function describeFolder(path: string): Promise<ModelFolder> {
  await using checkpoint = await openCheckpoint(path)
  const { folder, config: json, configFile, tensors } = checkpoint
  return { ...describeModel(json, configFile, tensors, await namedTokens(folder)), folder, json }
}

/**
 * The config of a MISC model folder, whose weights are left on disk.
 *
 * @throws InputError
 */
export async function readConfig(folder: string): Promise<MiscConfig> {
  await using checkpoint = await openCheckpoint(folder)
  return parseConfig(checkpoint.config, checkpoint.configFile)
}

/** Of any family: the types of its parts are left out. */
type AnyDescription = Description<string, unknown, unknown, Model> & { readonly tensors: CheckedTensors }
