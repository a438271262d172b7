import { InputError } from '../errors.js'
import type { Gpu } from '../gpu/gpu.js'
import type { WeightDtype } from '../gpu/tensor.js'
import { type Checkpoint, openCheckpoint } from '../io/checkpoint.js'
import { type MiscConfig, parseConfig } from '../models/misc/config.js'
import type { MiscWeights } from '../models/misc/layout.js'
import type { Model } from '../models/model.js'
import { type Description, describeModel, type ModelDescription, recognizeModel } from '../models/registry.js'
import type { CheckedTensors } from '../nn/check-tensors.js'
import type { Loaded } from '../nn/layout.js'
import { loadWeights } from '../nn/load-weights.js'
import { namedTokens } from '../text/vocabulary.js'
import type { OnProgress } from './loading-bar.js'

/** How a model is loaded; `Made` is what there is of it once its tensors are made. */
export interface LoadModelOptions<Made = MiscWeights> {
  /** The number format of weight matrices on the GPU; default: f32. */
  readonly dtype?: WeightDtype | undefined
  readonly onProgress?: OnProgress | undefined
  /** Called when the tensors are made and not yet filled: what works with them can be compiled meanwhile. */
  readonly onTensors?: ((made: Made) => void) | undefined
}

/**
 * Reads a model folder of any family (config.json and weights; no tokenizer) into GPU memory.
 *
 * @returns the model; its family can be told by {@link describeFolder}.
 * @throws InputError where a file is missing or wrong, or of no family.
 */
export async function openModel(gpu: Gpu, folder: string, options: LoadModelOptions<Model> = {}): Promise<Model> {
  await using checkpoint = await openCheckpoint(folder)
  const added = await namedTokens(checkpoint.folder)
  const description: AnyDescription = recognizeModel(checkpoint, folder, added)
  return await load(gpu, checkpoint, folder, description, options, (weights) => description.create(gpu, weights))
}

/**
 * Reads a MISC model folder (config.json and weights; no tokenizer) into GPU memory.
 *
 * @throws InputError where a file is missing or wrong, or the folder holds another kind of model.
 */
export async function loadModel(gpu: Gpu, folder: string, options: LoadModelOptions = {}): Promise<MiscWeights> {
  await using checkpoint = await openCheckpoint(folder)
  const model = recognizeModel(checkpoint, folder)
  if (model.family !== 'misc') {
    throw new InputError(
      `${folder}: holds ${model.title} without any of MISC's tensors; replies need a MISC checkpoint`,
    )
  }
  const { config, variant } = model
  return await load(gpu, checkpoint, folder, model, options, (weights) => ({ ...weights, config, variant }))
}

/**
 * What a model folder holds, and that its tensors are as they should be; weights are left on disk.
 *
 * @throws InputError
 */
export async function describeFolder(folder: string): Promise<ModelDescription> {
  await using checkpoint = await openCheckpoint(folder)
  const added = await namedTokens(checkpoint.folder)
  return describeModel(checkpoint.config, checkpoint.configFile, checkpoint.tensors, added)
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

async function load<Weights, Made>(
  gpu: Gpu,
  checkpoint: Checkpoint,
  folder: string,
  {
    tensors,
    layout,
  }: Pick<Description<string, unknown, Weights, Model>, 'layout'> & { readonly tensors: CheckedTensors },
  { dtype = 'f32', onProgress, onTensors }: LoadModelOptions<Made>,
  make: (weights: Loaded<Weights>) => Made,
): Promise<Made> {
  let made: Made | undefined
  await gpu.scoped(folder, () =>
    loadWeights(gpu, checkpoint, tensors, layout.weights, dtype, {
      onProgress: (done, total) => onProgress?.(done, total, 'weights'),
      onTensors: (weights) => {
        made = make(weights)
        onTensors?.(made)
      },
    }),
  )
  return made!
}
