import { type TokenRules, tokenRules } from '../generation/token-rules.js'
import type { Gpu } from '../gpu/gpu.js'
import type { MiscWeights } from '../models/misc/layout.js'
import type { DialogueIds } from '../models/misc/misc.js'
import { MiscModel, type StrategyScores } from '../models/misc/model.js'
import { type LoadModelOptions, loadModel } from './load-model.js'
import { ReplyDecoder } from './reply-decoder.js'
import { usualDialogue } from './usual-dialogue.js'

/** How {@link loadDecoder} does it. */
export interface LoadDecoderOptions extends LoadModelOptions {
  /** What replies keep to; default: what config.json says, and any id may be drawn. */
  readonly rules?: TokenRules | undefined
  /** Replies drawn together, at most; default: 16, or as many as fit. */
  readonly maxBatch?: number | undefined
}

/** Draws MISC's replies. */
export type MiscDecoder = ReplyDecoder<DialogueIds, StrategyScores>

/** A model that is ready to draw replies, and what that took. */
export interface LoadedDecoder {
  readonly weights: MiscWeights
  readonly decoder: MiscDecoder
  /** Milliseconds from the weights' files to the GPU. Kernels compile beside it. */
  readonly weightsMs: number
  /** What compiling the kernels of a usual reply took beyond that. */
  readonly compileMs: number
}

/**
 * Reads a model folder into GPU memory and compiles, meanwhile and all at once, the kernels that a reply to a dialogue of
 * usual lengths needs. Other kernels compile when they are first needed.
 *
 * @throws InputError as {@link loadModel} does, and where `maxBatch` replies do not fit.
 */
export async function loadDecoder(gpu: Gpu, folder: string, options: LoadDecoderOptions = {}): Promise<LoadedDecoder> {
  const started = performance.now()
  let decoder: MiscDecoder | undefined
  let compiled: ReturnType<MiscDecoder['compile']> | undefined
  const weights = await loadModel(gpu, folder, {
    ...options,
    onTensors: (weights) => {
      decoder = new ReplyDecoder(
        gpu,
        new MiscModel(gpu, weights),
        options.rules ?? tokenRules(weights.config),
        options.maxBatch,
      )
      compiled = decoder.compile(usualDialogue(weights.config))
      // Whoever awaits it sees the failure.
      compiled.catch(() => {})
    },
  })
  const read = performance.now()
  options.onProgress?.(0, gpu.kernelCount, 'kernels')
  const runKernels = await compiled!
  await runKernels((done, total) => options.onProgress?.(done, total, 'kernels'))
  return { weights, decoder: decoder!, weightsMs: read - started, compileMs: performance.now() - read }
}
