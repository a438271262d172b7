import type { Gpu } from '../gpu/gpu.js'
import type { Family } from '../models/registry.js'
import { writeTuning } from '../platform/node/tuning-file.js'
import type { Tuning } from '../tune/tuning.js'
import { tuneInBackground } from './background-tuner.js'
import type { DrawingRules } from './drawing-rules.js'
import type { EngineParts } from './engine-parts.js'
import type { EngineTypes } from './engine-types.js'
import { loadDecoder } from './load-decoder.js'
import type { LoadModelOptions } from './load-model.js'
import { type LoadOptions, warn } from './load-options.js'
import { type MakeParts, openParts } from './open-parts.js'
import type { ReplyEngine } from './reply-engine.js'

/**
 * Opens a GPU with the kernels that were measured on it, makes an engine on it, and measures what is not measured yet.
 *
 * @param create given the parts, and what makes them on a GPU of their own again
 * @throws NoAdapterError
 */
export async function loadEngine<Types extends EngineTypes, Engine extends Pick<ReplyEngine, 'idle' | 'exclusive'>>(
  options: LoadOptions,
  make: MakeParts<EngineParts<Types>>,
  create: (parts: EngineParts<Types>, again: () => Promise<EngineParts<Types>>) => Engine,
): Promise<Engine> {
  const { onProgress, tune, onWarning = warn } = options
  const { parts, tuning } = await openParts(options, make, onProgress)
  const engine = create(parts, async () => (await openParts(options, make)).parts)
  const { gpu } = parts.decoder
  if (tuning && (tune ?? !gpu.adapter.software)) {
    const save = (tuned: Tuning) => writeTuning(gpu.adapter, tuned)
    void tuneInBackground(gpu, engine, tuning, save, onWarning)
  }
  return engine
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
  const { decoder, weightsMs, compileMs } = await loadDecoder(gpu, folder, load)
  return { decoder, defaults, maxQueue, loadTimings: { adapterMs, weightsMs, compileMs, cometMs: 0 } }
}

/** As {@link loadParts}, with a text side that computes nothing on the GPU. */
export async function loadWithText<F extends Family, Text>(
  gpu: Gpu,
  family: F,
  files: Parameters<typeof loadParts>[2] & { readonly text: Text },
  options: LoadOptions,
  adapterMs: number,
) {
  return { ...(await loadParts(gpu, family, files, options, adapterMs)), text: files.text }
}
