import { InputError } from '../errors.js'
import { tokenRules } from '../generation/token-rules.js'
import type { Gpu } from '../gpu/gpu.js'
import { pathOf } from '../io/path-of.js'
import type { BackboneConfig } from '../models/backbone-config.js'
import type { TextIds } from '../models/bart/model.js'
import type { Utterance } from '../text/dialogue.js'
import { Tokenizer } from '../text/tokenizer.js'
import { type DialogueQuestion, readDialogue } from './dialogue-question.js'
import { jointDrawing, readDrawingRules } from './drawing-rules.js'
import type { EngineParts } from './engine-parts.js'
import type { EngineTypes } from './engine-types.js'
import { loadEngine, loadWithText } from './load-engine.js'
import { describeFolder, expectFamily, type ModelFolder } from './load-model.js'
import { checkLoadOptions, type LoadOptions, refuseComet, warn } from './load-options.js'
import { backboneContext, checkVocabulary } from './model-text.js'
import { ReplyEngine } from './reply-engine.js'
import type { ReadQuestion, TextSide } from './text-side.js'

/** What is a plain BlenderBot-small's own of an engine. */
export interface BlenderbotTypes extends EngineTypes {
  readonly family: 'bart'
  readonly question: DialogueQuestion
  /** @internal */
  readonly input: TextIds
  /** @internal */
  readonly told: undefined
}

/** Its dialogues: {@link backboneContext}. */
class BlenderbotText implements TextSide<BlenderbotTypes> {
  readonly options = [] as const

  constructor(
    readonly words: Tokenizer,
    readonly config: BackboneConfig,
  ) {}

  async read(question: unknown): Promise<ReadQuestion<BlenderbotTypes>> {
    const { words, config } = this
    const join = (dialogue: readonly Utterance[]) => backboneContext(words, dialogue, config)
    const { contextIds, cut, crisis } = await readDialogue(question, words, config.maxPositions, join)
    return { input: contextIds, context: contextIds, cut, crisis, details: () => ({}) }
  }
}

/**
 * A plain BlenderBot-small, such as facebook/blenderbot_small-90M, on one GPU: MISC's backbone before it was taught to support. It
 * reads a dialogue, and neither a situation nor blocks. One that a program of BlenderBot-Joint trained without strategies, as
 * `strategies: false` in its config.json says, reads and replies as that program does. Research software: no therapy, and no crisis service.
 */
export class Blenderbot extends ReplyEngine<BlenderbotTypes> {
  private constructor(
    parts: EngineParts<BlenderbotTypes>,
    /** Dimensions and special ids, from its config.json. */
    readonly config: BackboneConfig,
    again?: () => Promise<EngineParts<BlenderbotTypes>>,
  ) {
    super('bart', parts, again)
  }

  /**
   * Loads a model folder: config.json, safetensors weights, tokenizer files and, if there, generation_config.json.
   *
   * @param model a model's folder, or its repository in Hugging Face's cache, as a path or a file URL
   * @throws InputError where a file is missing or wrong, the folder holds another model, an option is unknown or `comet` a folder
   * @throws NoAdapterError where no adapter was found; the message says what to install.
   */
  static async load(model: string | URL, options: LoadOptions = {}): Promise<Blenderbot> {
    checkLoadOptions(options)
    return Blenderbot.fromFolder(await describeFolder(pathOf(model, 'the model folder')), options)
  }

  /**
   * As {@link load}, of a folder that is described already, with options that are checked.
   *
   * @internal
   */
  static async fromFolder(found: ModelFolder, options: LoadOptions): Promise<Blenderbot> {
    const files = await readFiles(found, options)
    return loadEngine(
      options,
      (gpu, adapterMs, onProgress) => loadWithText(gpu, 'bart', files, { ...options, onProgress }, adapterMs),
      (parts, again) => new Blenderbot(parts, files.config, again),
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
  ): Promise<Blenderbot> {
    const files = await readFiles(await describeFolder(path), options)
    return new Blenderbot(await loadWithText(gpu, 'bart', files, options, 0), files.config)
  }
}

/** @throws InputError */
async function readFiles(found: ModelFolder, { comet, onWarning = warn }: LoadOptions) {
  const { folder } = found
  expectFamily(found, 'bart', folder)
  refuseComet(comet, found.title)
  const { config } = found
  if (config.modelType === 'bart') throw new InputError(`${folder}: holds a BART, of which no replies are drawn`)
  const tokenizer = await Tokenizer.load(folder, [])
  checkVocabulary(tokenizer, config, folder)
  const { unlearned } = config
  const drawing = await readDrawingRules(found, onWarning, {
    rules: tokenRules(config, unlearned?.firstStrategyId ?? tokenizer.vocabSize),
    ...(unlearned && jointDrawing(unlearned.program)),
  })
  return { folder, config, text: new BlenderbotText(tokenizer, config), ...drawing }
}
