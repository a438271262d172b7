import { loadModel } from '../engine/load-model.js'
import { withLoadingBar } from '../engine/loading-bar.js'
import type { Gpu } from '../gpu/gpu.js'
import type { WeightDtype } from '../gpu/tensor.js'
import type { MiscWeights } from '../models/misc/layout.js'
import { progressBar } from './progress.js'

/** Reads a model folder into GPU memory, with a progress bar. */
export function loadWithProgress(gpu: Gpu, folder: string, dtype?: WeightDtype): Promise<MiscWeights> {
  return withLoadingBar(
    (_, total) => progressBar(`loading ${folder}`, total, 'bytes'),
    (onProgress) => loadModel(gpu, folder, { dtype, onProgress }),
  )
}
