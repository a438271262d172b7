import type { GenerationOptions } from '../generation/options.js'
import type { Gpu } from '../gpu/gpu.js'
import { pathOf } from '../io/path-of.js'
import type { ListenersConfig } from '../models/listeners/config.js'
import { readDrawingRules } from './drawing-rules.js'
import type { EngineParts } from './engine-parts.js'
import type { ListenersTypes } from './listeners-reply.js'
import { ListenersText } from './listeners-text.js'
import { loadEngine, loadWithText } from './load-engine.js'
import { describeFolder, expectFamily, type ModelFolder } from './load-model.js'
import { checkLoadOptions, type LoadOptions, refuseComet, warn } from './load-options.js'
import { wordVocabulary } from './model-text.js'
import { ReplyEngine } from './reply-engine.js'

/**
 * How the released programs draw, where neither the caller nor generation_config.json says otherwise: the best word at every step,
 * 31 of them at most (`--max_dec_step` 30 and one more). Where words are drawn at random, one of the 3 best (`decoder_topk`).
 * A reply's beams are weighed by the sum of their log-probabilities.
 *
 * What differs: a beam that has drawn EOS is finished and makes room for another. In the released search it goes on, as long as it
 * is not the best, and words come behind its EOS, which the text then shows (baselines §7).
 */
export const releasedDrawing = {
  ...{ doSample: false, temperature: 1, topK: 3, topP: 1, maxLength: 32, lengthPenalty: 0 },
  ...{ minLength: 0, noRepeatNgramSize: 0, repetitionPenalty: 1 },
} satisfies GenerationOptions

/** The baselines Transformer, MT Transformer, MoEL and MIME on one GPU: words of a closed vocabulary, lower case. */
export class Listeners extends ReplyEngine<ListenersTypes> {
  private constructor(
    parts: EngineParts<ListenersTypes>,
    /** Dimensions and special ids, from its config.json. */
    readonly config: ListenersConfig,
    again?: () => Promise<EngineParts<ListenersTypes>>,
  ) {
    super('listeners', parts, again)
  }

  /**
   * Loads a model folder: config.json, safetensors weights, vocab.json and, if there, generation_config.json.
   *
   * @param model a model's folder, as a path or a file URL
   * @throws InputError where a file is missing or wrong, an option is unknown, or `maxBatch` is more than fits.
   * @throws NoAdapterError where no adapter was found; the message says what to install.
   */
  static async load(model: string | URL, options: LoadOptions = {}): Promise<Listeners> {
    checkLoadOptions(options)
    return Listeners.fromFolder(await describeFolder(pathOf(model, 'the model folder')), options)
  }

  /**
   * As {@link load}, of a folder that is described already, with options that are checked.
   *
   * @internal
   */
  static async fromFolder(found: ModelFolder, options: LoadOptions): Promise<Listeners> {
    const files = await readFiles(found, options)
    return loadEngine(
      options,
      (gpu, adapterMs, onProgress) => loadWithText(gpu, 'listeners', files, { ...options, onProgress }, adapterMs),
      (parts, again) => new Listeners(parts, files.config, again),
    )
  }

  /**
   * As {@link load}, on a device that is open already; {@link dispose} ends it.
   *
   * @internal
   */
  static async open(
    gpu: Gpu,
    path: string,
    options: Pick<LoadOptions, 'dtype' | 'onWarning'> = {},
  ): Promise<Listeners> {
    const files = await readFiles(await describeFolder(path), options)
    return new Listeners(await loadWithText(gpu, 'listeners', files, options, 0), files.config)
  }
}

/** @throws InputError */
async function readFiles(found: ModelFolder, { comet, onWarning = warn }: LoadOptions) {
  const { folder } = found
  expectFamily(found, 'listeners', folder)
  refuseComet(comet, found.title)
  const config: ListenersConfig = found.config
  const words = await wordVocabulary(folder, config)
  const drawing = await readDrawingRules(found, onWarning, { defaults: releasedDrawing })
  return { folder, config, text: new ListenersText(words, config), ...drawing }
}
