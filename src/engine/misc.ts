import { tokenRules } from '../generation/token-rules.js'
import type { Gpu } from '../gpu/gpu.js'
import { pathOf } from '../io/path-of.js'
import { type Ablation, outputsOf } from '../models/misc/ablation.js'
import type { MiscConfig, Variant } from '../models/misc/config.js'
import { packagedModel } from '../platform/node/packaged-model.js'
import type { DialogueInput, IdsInput } from '../text/dialogue.js'
import type { ContextCut } from '../text/dialogue-features.js'
import { Tokenizer } from '../text/tokenizer.js'
import { BlockWriter } from './block-writer.js'
import { Comet } from './comet.js'
import { readCometFolder } from './comet-folder.js'
import { PASSED_BY_PROGRAMS, readDrawingRules } from './drawing-rules.js'
import type { EngineParts } from './engine-parts.js'
import { miscExplanation, miscLook } from './explain-misc.js'
import type { MiscExplanation } from './explanation.js'
import { inspectEncoding } from './inspect-encoding.js'
import { loadEngine, loadParts } from './load-engine.js'
import { describeFolder, expectFamily, type LoadModelOptions, type ModelFolder } from './load-model.js'
import { checkLoadOptions, cometFolder, type LoadOptions, warn } from './load-options.js'
import { MiscText } from './misc-text.js'
import { checkVocabulary } from './model-text.js'
import type { DrawOptions, MiscOptions, MiscTypes, ReplyBlock, StrategyMixture } from './reply.js'
import { ReplyEngine } from './reply-engine.js'

/** What the encoders say of a dialogue. */
export interface Encoding {
  /** Eq. 5: the mixture that a reply to it would be drawn with. */
  readonly strategy: StrategyMixture
  /** The dialogue's blocks, each with the part of the decoder's attention it gets at the start of the reply. */
  readonly blocks: {
    /** Those about the seeker's last post. */
    readonly post: readonly AttendedBlock[]
    /** Those about the situation. */
    readonly situation: readonly AttendedBlock[]
  }
  /** What of the dialogue the model did not read, as a reply tells it. */
  readonly cut: ContextCut
}

/** A COMET block and its attention weight; the weights of one source add up to 1. */
export interface AttendedBlock extends ReplyBlock {
  /** From 0 to 1, averaged over layers and heads. */
  readonly weight: number
}

/**
 * MISC (ACL 2022) on one GPU: reads a dialogue and draws supportive replies. Research software: no therapy, and no crisis
 * service.
 */
export class Misc extends ReplyEngine<MiscTypes> {
  declare readonly family: 'misc'
  /** How fusion is computed, as the checkpoint's tensors say. */
  readonly variant: Variant
  /** Dimensions and special ids, from its config.json. */
  readonly config: MiscConfig
  /** Whether a COMET writes the blocks of dialogues that come without any. */
  readonly writesBlocks: boolean

  private constructor(
    parts: EngineParts<MiscTypes>,
    { config, variant, comet }: MiscFiles,
    again?: () => Promise<EngineParts<MiscTypes>>,
  ) {
    super('misc', parts, again)
    this.variant = variant
    this.config = config
    this.writesBlocks = comet !== undefined
  }

  /**
   * Loads a model folder: config.json, safetensors weights, tokenizer files and, if there, generation_config.json.
   *
   * @param model a model's folder, or its repository in Hugging Face's cache (`models--owner--name`), as a path or a file URL;
   *   default: the model that comes with the package.
   * @throws InputError where a file is missing or wrong, an option is unknown, or `maxBatch` is more than fits; without `model`
   *   in a bundled app, which lacks the package's.
   * @throws NoAdapterError where no adapter was found; the message says what to install.
   */
  static async load(model: string | URL = packagedModel(), options: LoadOptions = {}): Promise<Misc> {
    checkLoadOptions(options)
    return Misc.fromFolder(await describeFolder(pathOf(model, 'the model folder')), options)
  }

  /**
   * As {@link load}, of a folder that is described already, with options that are checked.
   *
   * @internal
   */
  static async fromFolder(found: ModelFolder, options: LoadOptions): Promise<Misc> {
    const files = await readFiles(found, options)
    return loadEngine(
      options,
      (gpu, adapterMs, onProgress) => makeParts(gpu, files, { ...options, onProgress }, adapterMs),
      (parts, again) => new Misc(parts, files, again),
    )
  }

  /**
   * As {@link load}, on a device that is open already, with the kernels that are chosen for it; {@link dispose} ends it.
   *
   * @internal
   */
  static async open(gpu: Gpu, path: string, { leaveOut, ...options }: OpenOptions = {}): Promise<Misc> {
    const zeroed = leaveOut && outputsOf(leaveOut)
    const files = { ...(await readFiles(await describeFolder(path), options)), zeroed }
    return new Misc(await makeParts(gpu, files, options, 0), files)
  }

  /**
   * As {@link ReplyEngine.explain}, and of each word how much every source gave it, and which words and blocks it looked at.
   *
   * @throws as {@link reply} does
   */
  override async explain(
    question: DialogueInput | IdsInput,
    options: DrawOptions & MiscOptions = {},
  ): Promise<MiscExplanation> {
    const { explanation, seen } = await this.explained(question, options, miscLook)
    return miscExplanation(explanation, seen!, options.strategy !== undefined)
  }

  /** The strategy mixture of a dialogue, and which of its blocks the decoder attends to; draws nothing. */
  async encode(question: DialogueInput | IdsInput, options: MiscOptions = {}): Promise<Encoding> {
    // Nothing of what MISC reads is random.
    const { input, cut, details } = await this.read(question, { ...options, seed: 0 })
    return this.exclusive(async () => {
      this.decoder.gpu.check()
      const { strategy, attention } = await inspectEncoding(this.decoder, input)
      const { blocks } = details(undefined)
      const attended = (name: 'post' | 'situation'): AttendedBlock[] =>
        attention[name].map((weight, i) => ({ ...blocks[name][i]!, weight }))
      return { strategy, blocks: { post: attended('post'), situation: attended('situation') }, cut }
    })
  }
}

/** How {@link Misc.open} does it. */
export interface OpenOptions extends Pick<LoadOptions, 'dtype' | 'comet' | 'onProgress' | 'onWarning'> {
  /** What the decoder is to attend to as if it were not there; default: nothing. */
  readonly leaveOut?: Ablation | undefined
}

/** What is read of a model's folder before its weights, and who writes its blocks. */
type MiscFiles = Awaited<ReturnType<typeof readFiles>> & Pick<LoadModelOptions, 'zeroed'>

async function makeParts(
  gpu: Gpu,
  files: MiscFiles,
  options: LoadOptions,
  adapterMs: number,
): Promise<EngineParts<MiscTypes>> {
  const { dtype, onProgress } = options
  const { comet: cometFiles, tokenizer, config } = files
  const parts = await loadParts(gpu, 'misc', files, options, adapterMs)
  const before = performance.now()
  const ofComet = { dtype, onProgress: (done: number, total: number) => onProgress?.(done, total, 'comet') }
  const comet = cometFiles && (await Comet.open(gpu, cometFiles, ofComet))
  const loadTimings = { ...parts.loadTimings, cometMs: comet ? performance.now() - before : 0 }
  return { ...parts, loadTimings, text: new MiscText(tokenizer, config, comet && new BlockWriter(comet, config)) }
}

/** @throws InputError */
async function readFiles(found: ModelFolder, { comet: asked, onWarning = warn }: LoadOptions) {
  const { folder } = found
  expectFamily(found, 'misc', folder)
  const { config, variant } = found
  const tokenizer = await Tokenizer.load(folder)
  checkVocabulary(tokenizer, config, folder)
  const rules = tokenRules(config, tokenizer.baseVocabSize)
  const drawing = await readDrawingRules(found, onWarning, { rules, passed: PASSED_BY_PROGRAMS })
  const path = await cometFolder(folder, asked)
  const comet = path === undefined ? undefined : await readCometFolder(path, onWarning)
  return { folder, config, variant, comet, tokenizer, ...drawing }
}
