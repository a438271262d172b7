import { InputError } from '../errors.js'
import type { Gpu } from '../gpu/gpu.js'
import type { WeightDtype } from '../gpu/tensor.js'
import { openCheckpoint } from '../io/checkpoint.js'
import { type MiscConfig, parseConfig } from '../models/misc/config.js'
import type { MiscWeights } from '../models/misc/layout.js'
import { recognizeModel } from '../models/registry.js'
import { loadWeights } from '../nn/load-weights.js'
import type { OnProgress } from './loading-bar.js'

/** How {@link loadModel} does it. */
export interface LoadModelOptions {
  /** The number format of weight matrices on the GPU; default: f32. */
  readonly dtype?: WeightDtype | undefined
  readonly onProgress?: OnProgress | undefined
  /** Called when the tensors are made and not yet filled: what works with them can be compiled meanwhile. */
  readonly onTensors?: ((weights: MiscWeights) => void) | undefined
}

/**
 * Reads a MISC model folder (config.json and weights; no tokenizer) into GPU memory.
 *
 * @throws InputError where a file is missing or wrong, or the folder holds another kind of model.
 */
export async function loadModel(gpu: Gpu, folder: string, options: LoadModelOptions = {}): Promise<MiscWeights> {
  const { dtype = 'f32', onProgress, onTensors } = options
  await using checkpoint = await openCheckpoint(folder)
  const model = recognizeModel(checkpoint, folder)
  if (model.family === 'plain') {
    throw new InputError(
      `${folder}: holds a plain backbone without any of MISC's tensors; replies need a MISC checkpoint`,
    )
  }
  const { config, variant, tensors, layout } = model
  const weights = await gpu.scoped(folder, () =>
    loadWeights(gpu, checkpoint, tensors, layout.weights, dtype, {
      onProgress: (done, total) => onProgress?.(done, total, 'weights'),
      onTensors: (tensors) => onTensors?.({ ...tensors, config, variant }),
    }),
  )
  return { ...weights, config, variant }
}

/**
 * The config of a model folder, whose weights are left on disk.
 *
 * @throws InputError
 */
export async function readConfig(folder: string): Promise<MiscConfig> {
  await using checkpoint = await openCheckpoint(folder)
  return parseConfig(checkpoint.config, checkpoint.configFile)
}
