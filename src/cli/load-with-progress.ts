import { loadModel, openModel } from '../engine/load-model.js'
import { withLoadingBar } from '../engine/loading-bar.js'
import type { Gpu } from '../gpu/gpu.js'
import type { WeightDtype } from '../gpu/tensor.js'
import type { MiscWeights } from '../models/misc/layout.js'
import type { Model } from '../models/model.js'
import { progressBar } from './progress.js'

/** Reads a MISC model folder into GPU memory, with a progress bar. */
export function loadWithProgress(gpu: Gpu, folder: string, dtype?: WeightDtype): Promise<MiscWeights> {
  return withLoadingBar(bar(folder), (onProgress) => loadModel(gpu, folder, { dtype, onProgress }))
}

/** Reads a model folder of any family into GPU memory, with a progress bar. */
export function openWithProgress(gpu: Gpu, folder: string, dtype?: WeightDtype): Promise<Model> {
  return withLoadingBar(bar(folder), (onProgress) => openModel(gpu, folder, { dtype, onProgress }))
}

const bar = (folder: string) => (_: unknown, total: number) => progressBar(`loading ${folder}`, total, 'bytes')
