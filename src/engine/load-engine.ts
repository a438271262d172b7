import type { Gpu } from '../gpu/gpu.js'
import type { Family } from '../models/registry.js'
import { openGpu } from '../platform/node/open-gpu.js'
import { adoptTuning, writeTuning } from '../platform/node/tuning-file.js'
import type { Tuning } from '../tune/tuning.js'
import { tuneInBackground } from './background-tuner.js'
import type { DrawingRules } from './drawing-rules.js'
import { loadDecoder } from './load-decoder.js'
import type { LoadModelOptions } from './load-model.js'
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

/**
 * Makes what every engine has beside its text side, of a folder whose other files are read.
 *
 * @param adapterMs the milliseconds that opening the GPU took
 * @throws InputError as {@link loadDecoder} does
 */
export async function loadParts<F extends Family>(
  gpu: Gpu,
  family: F,
  { folder, defaults, rules, zeroed }: DrawingRules & Pick<LoadModelOptions, 'zeroed'> & { readonly folder: string },
  { dtype, maxBatch, maxQueue, onProgress }: LoadOptions,
  adapterMs: number,
) {
  const load = { family, dtype, maxBatch, onProgress, rules, zeroed }
  const { model, decoder, weightsMs, compileMs } = await loadDecoder(gpu, folder, load)
  return { model, parts: { decoder, defaults, maxQueue, loadTimings: { adapterMs, weightsMs, compileMs, cometMs: 0 } } }
}
