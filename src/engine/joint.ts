import { jointRules } from '../generation/joint-generation.js'
import type { Gpu } from '../gpu/gpu.js'
import { pathOf } from '../io/path-of.js'
import type { JointConfig } from '../models/joint/config.js'
import { Tokenizer } from '../text/tokenizer.js'
import { jointDrawing, readDrawingRules } from './drawing-rules.js'
import type { EngineParts } from './engine-parts.js'
import { JointText, type JointTypes } from './joint-text.js'
import { loadEngine, loadWithText } from './load-engine.js'
import { describeFolder, expectFamily, type ModelFolder } from './load-model.js'
import { checkLoadOptions, type LoadOptions, refuseComet, warn } from './load-options.js'
import { checkVocabulary } from './model-text.js'
import { ReplyEngine } from './reply-engine.js'

/**
 * BlenderBot-Joint (Liu et al., ACL 2021) on one GPU: reads a dialogue, chooses a strategy, and replies in it. Both public programs,
 * told apart by the vocabulary's tokens, whose rules for text and drawing it keeps. A supporter's utterance is read with its
 * `strategy`, where the dialogue says it; situation and blocks take no part. Research software: no therapy, and no crisis service.
 */
export class Joint extends ReplyEngine<JointTypes> {
  private constructor(
    parts: EngineParts<JointTypes>,
    /** Dimensions and special ids, from its config.json. */
    readonly config: JointConfig,
    again?: () => Promise<EngineParts<JointTypes>>,
  ) {
    super('joint', parts, again)
  }

  /**
   * Loads a model folder: config.json, safetensors weights, tokenizer files with added_tokens.json and, if there,
   * generation_config.json, which overrules what the program asks for.
   *
   * @param model a model's folder, or its repository in Hugging Face's cache, as a path or a file URL
   * @throws InputError where a file is missing or wrong, the folder holds another model, an option is unknown or `comet` a folder
   * @throws NoAdapterError where no adapter was found; the message says what to install.
   */
  static async load(model: string | URL, options: LoadOptions = {}): Promise<Joint> {
    checkLoadOptions(options)
    return Joint.fromFolder(await describeFolder(pathOf(model, 'the model folder')), options)
  }

  /**
   * As {@link load}, of a folder that is described already, with options that are checked.
   *
   * @internal
   */
  static async fromFolder(found: ModelFolder, options: LoadOptions): Promise<Joint> {
    const files = await readFiles(found, options)
    return loadEngine(
      options,
      (gpu, adapterMs, onProgress) => loadWithText(gpu, 'joint', files, { ...options, onProgress }, adapterMs),
      (parts, again) => new Joint(parts, files.config, again),
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
    options: Pick<LoadOptions, 'dtype' | 'onProgress' | 'onWarning'> = {},
  ): Promise<Joint> {
    const files = await readFiles(await describeFolder(path), options)
    return new Joint(await loadWithText(gpu, 'joint', files, options, 0), files.config)
  }
}

/** @throws InputError */
async function readFiles(found: ModelFolder, { comet, onWarning = warn }: LoadOptions) {
  const { folder } = found
  expectFamily(found, 'joint', folder)
  refuseComet(comet, found.title)
  const { config } = found
  const tokenizer = await Tokenizer.load(folder)
  checkVocabulary(tokenizer, config, folder)
  const drawing = await readDrawingRules(found, onWarning, {
    rules: jointRules(config),
    ...jointDrawing(config.program),
  })
  return { folder, config, text: new JointText(tokenizer, config), ...drawing }
}
