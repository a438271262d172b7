import type { Gpu } from '../gpu/gpu.js'
import { openGpu } from '../platform/node/open-gpu.js'
import { adoptTuning } from '../platform/node/tuning-file.js'
import { type LoadOptions, warn } from './load-options.js'

/**
 * Makes an engine's parts on a GPU that is open.
 *
 * @param adapterMs the milliseconds that opening it took
 * @param onProgress the caller's, the first time
 */
export type MakeParts<Parts> = (gpu: Gpu, adapterMs: number, onProgress: LoadOptions['onProgress']) => Promise<Parts>

/** Opens a GPU with the kernels that were measured on it, and makes parts on it; where that fails, it is closed again. */
export async function openParts<Parts>(
  { adapter, tune, onWarning = warn }: Pick<LoadOptions, 'adapter' | 'tune' | 'onWarning'>,
  make: MakeParts<Parts>,
  onProgress?: LoadOptions['onProgress'],
) {
  const started = performance.now()
  const gpu = await openGpu({ adapter })
  const adapterMs = performance.now() - started
  try {
    const tuning = tune !== false && (await adoptTuning(gpu, onWarning))
    return { parts: await make(gpu, adapterMs, onProgress), tuning }
  } catch (error) {
    await gpu.dispose()
    throw error
  }
}
