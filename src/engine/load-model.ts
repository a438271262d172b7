import { InputError } from '../errors.js'
import type { Gpu } from '../gpu/gpu.js'
import type { WeightDtype } from '../gpu/tensor.js'
import { openCheckpoint } from '../io/checkpoint.js'
import { type MiscConfig, parseConfig } from '../models/misc/config.js'
import { checkTensors } from '../models/misc/tensor-names.js'
import { loadWeights, type MiscWeights } from '../models/misc/weights.js'
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
  const config = parseConfig(checkpoint.config, checkpoint.configFile)
  const tensors = checkTensors(checkpoint.tensors, config, folder)
  if (tensors.variant === 'plain') {
    throw new InputError(
      `${folder}: holds a plain backbone without any of MISC's tensors; replies need a MISC checkpoint`,
    )
  }
  const on = { onTensors, onProgress: (done: number, total: number) => onProgress?.(done, total, 'weights') }
  // Awaited here, so that the checkpoint stays open meanwhile.
  return await gpu.scoped(folder, () => loadWeights(gpu, checkpoint, tensors, config, dtype, on))
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
