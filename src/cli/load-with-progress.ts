import { loadModel } from '../engine/load-model.js'
import type { Gpu } from '../gpu/gpu.js'
import type { WeightDtype } from '../gpu/tensor.js'
import type { MiscWeights } from '../model/weights.js'
import { type Progress, progressBar } from './progress.js'

/** Reads a model folder into GPU memory, with a progress bar. */
export async function loadWithProgress(gpu: Gpu, folder: string, dtype?: WeightDtype): Promise<MiscWeights> {
  let loading: Progress | undefined
  let loaded = 0
  const onProgress = (done: number, total: number) => {
    loading ??= progressBar(`loading ${folder}`, total, 'bytes')
    loading.advance(done - loaded)
    loaded = done
  }
  return loadModel(gpu, folder, { dtype, onProgress }).finally(() => loading?.stop())
}
