import { InputError } from '../errors.js'
import type { Gpu } from '../gpu/gpu.js'
import { openCheckpoint } from '../io/checkpoint.js'
import { parseConfig } from '../model/config.js'
import { checkTensors } from '../model/tensor-names.js'
import { loadWeights, type MiscWeights } from '../model/weights.js'

/**
 * Reads a MISC model folder (config.json and weights; no tokenizer) into GPU memory.
 *
 * @param onProgress called with bytes read so far and in all.
 * @throws InputError where a file is missing or wrong, or the folder holds another kind of model.
 */
export async function loadModel(
  gpu: Gpu,
  folder: string,
  onProgress?: (done: number, total: number) => void,
): Promise<MiscWeights> {
  await using checkpoint = await openCheckpoint(folder)
  const config = parseConfig(checkpoint.config, checkpoint.configFile)
  const tensors = checkTensors(checkpoint.tensors, config, folder)
  if (tensors.variant === 'plain') {
    throw new InputError(
      `${folder}: holds a plain backbone without any of MISC's tensors; replies need a MISC checkpoint`,
    )
  }
  // Awaited here, so that the checkpoint stays open meanwhile.
  return await gpu.scoped(folder, () => loadWeights(gpu, checkpoint, tensors, config, onProgress))
}
