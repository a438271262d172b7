import type { Gpu } from '../gpu/gpu.js'
import { openGpu } from '../platform/node/open-gpu.js'
import { adoptTuning, writeTuning } from '../platform/node/tuning-file.js'
import type { Tuning } from '../tune/tuning.js'
import { tuneInBackground } from './background-tuner.js'
import { type LoadOptions, warn } from './load-options.js'
import type { ReplyEngine } from './reply-engine.js'

/**
 * Opens a GPU with the kernels that were measured on it, has an engine made on it, and measures what is not measured yet.
 *
 * @param create given the milliseconds that opening took; where it fails, the GPU is closed again
 * @throws NoAdapterError
 */
export async function loadEngine<Engine extends Pick<ReplyEngine, 'idle' | 'exclusive'>>(
  { adapter, tune: asked, onWarning = warn }: Pick<LoadOptions, 'adapter' | 'tune' | 'onWarning'>,
  create: (gpu: Gpu, adapterMs: number) => Promise<Engine>,
): Promise<Engine> {
  const started = performance.now()
  const gpu = await openGpu({ adapter })
  const adapterMs = performance.now() - started
  try {
    const tune = asked ?? !gpu.adapter.software
    const tuning = asked !== false && (await adoptTuning(gpu, onWarning))
    const engine = await create(gpu, adapterMs)
    if (tune && tuning) {
      const save = (tuned: Tuning) => writeTuning(gpu.adapter, tuned)
      void tuneInBackground(gpu, engine, tuning, save, onWarning)
    }
    return engine
  } catch (error) {
    await gpu.dispose()
    throw error
  }
}
