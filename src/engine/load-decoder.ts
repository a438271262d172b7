import { type TokenRules, tokenRules } from '../generation/token-rules.js'
import type { Gpu } from '../gpu/gpu.js'
import type { Model } from '../models/model.js'
import type { Family, ModelOf } from '../models/registry.js'
import { type LoadModelOptions, openModel } from './load-model.js'
import { ReplyDecoder } from './reply-decoder.js'

/** How {@link loadDecoder} does it. */
export interface LoadDecoderOptions<F extends Family = Family> extends Omit<LoadModelOptions<F>, 'onTensors'> {
  /** What replies keep to; default: what config.json says, and any id may be drawn. */
  readonly rules?: TokenRules | undefined
  /** Replies drawn together, at most; default: 16, or as many as fit. */
  readonly maxBatch?: number | undefined
}

/** Draws the replies of a model of a family. */
export type DecoderOf<F extends Family> =
  ModelOf<F> extends Model<infer Input, infer Told> ? ReplyDecoder<Input, Told> : never

/** A model that is ready to draw replies, and what that took. */
export interface LoadedDecoder<F extends Family> {
  readonly model: ModelOf<F>
  readonly decoder: DecoderOf<F>
  /** Milliseconds from the weights' files to the GPU. Kernels compile beside it. */
  readonly weightsMs: number
  /** What compiling the kernels of a usual reply took beyond that. */
  readonly compileMs: number
}

/**
 * Reads a model folder into GPU memory and compiles, meanwhile and all at once, the kernels that a reply to an input of
 * usual lengths needs. Other kernels compile when they are first needed.
 *
 * @throws InputError as {@link openModel} does, and where `maxBatch` replies do not fit.
 */
export async function loadDecoder<F extends Family>(
  gpu: Gpu,
  folder: string,
  { rules, maxBatch, ...options }: LoadDecoderOptions<F> = {},
): Promise<LoadedDecoder<F>> {
  const started = performance.now()
  let decoder: ReplyDecoder | undefined
  let compiled: ReturnType<ReplyDecoder['compile']> | undefined
  const model = await openModel<F>(gpu, folder, {
    ...options,
    onTensors: (model: Model) => {
      decoder = new ReplyDecoder(gpu, model, rules ?? tokenRules(model.config), maxBatch)
      compiled = decoder.compile(model.usualInput())
      // Whoever awaits it sees the failure.
      compiled.catch(() => {})
    },
  })
  const read = performance.now()
  options.onProgress?.(0, gpu.kernelCount, 'kernels')
  const runKernels = await compiled!
  await runKernels((done, total) => options.onProgress?.(done, total, 'kernels'))
  return { model, decoder: decoder as DecoderOf<F>, weightsMs: read - started, compileMs: performance.now() - read }
}
