import { openModel } from '../engine/load-model.js'
import { withLoadingBar } from '../engine/loading-bar.js'
import type { Gpu } from '../gpu/gpu.js'
import type { WeightDtype } from '../gpu/tensor.js'
import type { Model } from '../models/model.js'
import { progressBar } from './progress.js'

/** Reads a model folder of any family into GPU memory, with a progress bar. */
export function openWithProgress(gpu: Gpu, folder: string, dtype?: WeightDtype): Promise<Model> {
  return withLoadingBar(
    (_, total) => progressBar(`loading ${folder}`, total, 'bytes'),
    (onProgress) => openModel(gpu, folder, { dtype, onProgress }),
  )
}
