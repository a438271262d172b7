import { QueueFullError } from '../errors.js'
import type { Hypothesis } from '../generation/beam-search.js'
import { parseGenerationConfig } from '../generation/generation-config.js'
import { type GenerationOptions, type ResolvedOptions, resolveOptions } from '../generation/options.js'
import { tokenRules } from '../generation/token-rules.js'
import type { AdapterInfo } from '../gpu/adapter-info.js'
import type { Gpu } from '../gpu/gpu.js'
import { modelFolder, readJsonIfThere } from '../io/model-folder.js'
import { fileIn, pathOf } from '../io/path-of.js'
import type { MiscConfig, Variant } from '../models/misc/config.js'
import type { MiscWeights } from '../models/misc/layout.js'
import type { DialogueIds } from '../models/misc/misc.js'
import type { StrategyScores } from '../models/misc/model.js'
import { openGpu } from '../platform/node/open-gpu.js'
import { packagedModel } from '../platform/node/packaged-model.js'
import { adoptTuning, writeTuning } from '../platform/node/tuning-file.js'
import { seekerMentionsCrisis } from '../text/crisis.js'
import { type CometBlock, type DialogueInput, type IdsInput, parseInput } from '../text/dialogue.js'
import { type ContextCut, dialogueFeatures } from '../text/dialogue-features.js'
import { type Features, idsFeatures } from '../text/features.js'
import { RELATIONS } from '../text/strategies.js'
import { Tokenizer } from '../text/tokenizer.js'
import type { Tuning } from '../tune/tuning.js'
import { tuneInBackground } from './background-tuner.js'
import { BeamDecoder } from './beam-decoder.js'
import { BlockWriter } from './block-writer.js'
import { Comet } from './comet.js'
import { readCometFolder } from './comet-folder.js'
import { inspectEncoding } from './inspect-encoding.js'
import { linkedAbort } from './linked-abort.js'
import { loadDecoder, type MiscDecoder } from './load-decoder.js'
import { readConfig } from './load-model.js'
import { checkLoadOptions, cometFolder, type LoadOptions, type LoadTimings, warn } from './load-options.js'
import { checkVocabulary, dialogueIds, featureLimits } from './model-text.js'
import {
  type FinishReason,
  type Reply,
  type ReplyBlock,
  type ReplyOptions,
  type ReplySequence,
  type StrategyMixture,
  strategyProbabilities,
} from './reply.js'
import type { ReplyStart } from './reply-decoder.js'
import { ReplyTimer } from './reply-timer.js'
import { defaultStepsInFlight, ReplyScheduler } from './scheduler.js'
import { strategyMixture } from './strategy-mixture.js'

/** A piece of a reply, as it is drawn. */
export interface ReplyPiece {
  /** Whole words with the spacing of the finished text; the pieces joined are the reply's text. */
  readonly text: string
}

/** What the encoders say of a dialogue. */
export interface Encoding {
  readonly strategy: StrategyMixture
  /** The dialogue's blocks, each with the part of the decoder's attention it gets at the start of the reply. */
  readonly blocks: { readonly post: readonly AttendedBlock[]; readonly situation: readonly AttendedBlock[] }
  /** What of the dialogue the model did not read, as a reply tells it. */
  readonly cut: ContextCut
}

/** A COMET block and its attention weight; the weights of one source add up to 1. */
export interface AttendedBlock extends ReplyBlock {
  readonly weight: number
}

/**
 * MISC (ACL 2022) on one GPU: reads a dialogue and draws supportive replies. Research software: no therapy, and no crisis
 * service.
 *
 * Calls made at once share the GPU by batching; each gets the reply that it would get alone. 16 replies, or
 * {@link LoadOptions.maxBatch}, are drawn at a time; those asked for beyond wait, and enter in the order in which they were asked for as soon as one ends. After
 * {@link dispose}, or once the device is lost, every call rejects with a typed error; loading again works.
 */
export class Misc implements AsyncDisposable {
  readonly #gpu: Gpu
  readonly #weights: MiscWeights
  readonly #tokenizer: Tokenizer
  readonly #defaults: GenerationOptions
  readonly #decoder: MiscDecoder
  readonly #scheduler: ReplyScheduler<DialogueIds, StrategyScores>
  readonly #beams: BeamDecoder<DialogueIds, StrategyScores>
  readonly #comet: Comet | undefined
  readonly #writer: BlockWriter | undefined
  readonly #maxQueue: number
  /** Replies whose texts are being read. */
  #reading = 0
  #disposal: Promise<void> | undefined

  private constructor(
    weights: MiscWeights,
    decoder: MiscDecoder,
    tokenizer: Tokenizer,
    defaults: GenerationOptions,
    maxQueue: number,
    comet: Comet | undefined,
    /** What {@link load} took; beside it, a reply's own timings tell what its first id took. */
    readonly loadTimings: LoadTimings,
  ) {
    const { gpu } = decoder
    this.#gpu = gpu
    this.#weights = weights
    this.#tokenizer = tokenizer
    this.#defaults = defaults
    this.#decoder = decoder
    this.#scheduler = new ReplyScheduler(this.#decoder, { stepsInFlight: defaultStepsInFlight(gpu.adapter), maxQueue })
    this.#beams = new BeamDecoder(this.#scheduler)
    this.#maxQueue = maxQueue
    this.#comet = comet
    this.#writer = comet && new BlockWriter(comet, weights.config)
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
    const { adapter, onWarning = warn } = options
    const files = await readFiles(pathOf(model, 'the model folder'), options.comet, onWarning)
    const started = performance.now()
    const gpu = await openGpu({ adapter })
    const adapterMs = performance.now() - started
    try {
      const { tune = !gpu.adapter.software } = options
      const tuning = options.tune !== false && (await adoptTuning(gpu, onWarning))
      const misc = await Misc.#create(gpu, files, options, adapterMs)
      if (tune && tuning) {
        const save = (tuned: Tuning) => writeTuning(gpu.adapter, tuned)
        void tuneInBackground(gpu, misc.#turns, tuning, save, onWarning)
      }
      return misc
    } catch (error) {
      await gpu.dispose()
      throw error
    }
  }

  /**
   * As {@link load}, on a device that is open already, with the kernels that are chosen for it; {@link dispose} ends it.
   *
   * @internal
   */
  static async open(
    gpu: Gpu,
    path: string,
    options: Pick<LoadOptions, 'dtype' | 'comet' | 'onWarning'> = {},
  ): Promise<Misc> {
    return Misc.#create(gpu, await readFiles(path, options.comet, options.onWarning ?? warn), options, 0)
  }

  static async #create(gpu: Gpu, files: MiscFiles, options: LoadOptions, adapterMs: number): Promise<Misc> {
    const { dtype, maxBatch, maxQueue = 256, onProgress } = options
    const { folder, comet, tokenizer, defaults, rules } = files
    const load = { dtype, maxBatch, onProgress, rules }
    const { weights, decoder, weightsMs, compileMs } = await loadDecoder(gpu, folder, load)
    const before = performance.now()
    const ofComet = { dtype, onProgress: (done: number, total: number) => onProgress?.(done, total, 'comet') }
    const writer = comet && (await Comet.open(gpu, comet, ofComet))
    const cometMs = writer ? performance.now() - before : 0
    const timings = { adapterMs, weightsMs, compileMs, cometMs }
    return new Misc(weights, decoder, tokenizer, defaults, maxQueue, writer, timings)
  }

  /** The adapter that computes. */
  get adapter(): AdapterInfo {
    return this.#gpu.adapter
  }

  get config(): MiscConfig {
    return this.#weights.config
  }

  /** How fusion is computed, as the checkpoint's tensors say. */
  get variant(): Variant {
    return this.#weights.variant
  }

  /** Whether a COMET writes the blocks of dialogues that come without any. */
  get writesBlocks(): boolean {
    return this.#writer !== undefined
  }

  /**
   * Draws a reply; with `numBeams` above 1, the likeliest that a beam search finds.
   *
   * @throws InputError for a dialogue or an option that is wrong, before anything is computed.
   * @throws QueueFullError where `maxQueue` replies wait already.
   * @throws GpuError where the logits are not finite: a fault of the checkpoint. Other replies go on.
   * @throws OutOfMemoryError where the GPU has no memory for one more reply; those being drawn go on.
   * @throws DeviceLostError | DisposedError where the GPU goes away meanwhile.
   */
  async reply(input: DialogueInput | IdsInput, options: ReplyOptions = {}): Promise<Reply> {
    return this.#draw(input, options, () => {})
  }

  /** Draws a reply to each dialogue, together. Where one fails, for a reason of {@link reply}, the others are stopped. */
  async replies(inputs: readonly (DialogueInput | IdsInput)[], options: ReplyOptions = {}): Promise<Reply[]> {
    const { signal, stop } = linkedAbort(options.signal)
    try {
      return await Promise.all(inputs.map((input) => this.reply(input, { ...options, signal })))
    } finally {
      stop()
    }
  }

  /**
   * Draws a reply and gives its text piece by piece, in whole words; returns the finished reply. Leaving the loop early
   * stops the drawing. Of a beam search a piece comes once it can no longer change: as soon as all beams that can still win
   * have it in common. Often that is late.
   */
  async *stream(input: DialogueInput | IdsInput, options: ReplyOptions = {}): AsyncGenerator<ReplyPiece, Reply, void> {
    const { signal, stop } = linkedAbort(options.signal)
    const pieces: ReplyPiece[] = []
    let wake = () => {}
    let finished = false
    const done = this.#draw(input, { ...options, signal }, (text) => {
      pieces.push({ text })
      wake()
    }).finally(() => {
      finished = true
      wake()
    })
    // The generator's consumer sees the failure when it gets there.
    done.catch(() => {})
    try {
      while (!finished || pieces.length > 0) {
        const piece = pieces.shift()
        if (piece) yield piece
        else {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      }
      return await done
    } finally {
      stop()
    }
  }

  /** The strategy mixture of a dialogue, and which of its blocks the decoder attends to; draws nothing. */
  async encode(input: DialogueInput | IdsInput, options: Pick<ReplyOptions, 'strategy'> = {}): Promise<Encoding> {
    const { dialogue, blocks, cut } = await this.#read(input, options)
    return this.#scheduler.exclusive(async () => {
      this.#gpu.check()
      const { strategy, attention } = await inspectEncoding(this.#decoder, dialogue)
      const attended = (name: 'post' | 'situation'): AttendedBlock[] =>
        attention[name].map((weight, i) => ({ ...blocks[name][i]!, weight }))
      return { strategy, blocks: { post: attended('post'), situation: attended('situation') }, cut }
    })
  }

  /**
   * The next reply infers and encodes its blocks as if they had never been met.
   *
   * @internal
   */
  forget(): void {
    this.#writer?.forget()
    this.#decoder.model.forget()
  }

  /**
   * Frees everything on the GPU; replies being drawn reject with {@link DisposedError}. Other engines are left whole, and
   * the process can end.
   *
   * In a worker thread, await this before the worker ends in any way: `worker.terminate()`, `process.exit()` or an uncaught
   * error while the engine loads or draws abort the whole process, in the WebGPU bindings. examples/worker.mjs shows how.
   */
  dispose(): Promise<void> {
    this.#disposal ??= this.#gpu.dispose()
    return this.#disposal
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  /** When nothing is drawn or searched for, and how to have the GPU meanwhile. */
  get #turns() {
    const [scheduler, beams, comet] = [this.#scheduler, this.#beams, this.#comet]
    return {
      get idle() {
        return scheduler.idle && beams.idle && (comet?.idle ?? true)
      },
      exclusive: <T>(work: () => Promise<T>) => scheduler.exclusive(work),
    }
  }

  /** Checks an input and turns it into ids. */
  async #read(input: unknown, { strategy, signal }: Pick<ReplyOptions, 'strategy' | 'signal'>, timer?: ReplyTimer) {
    this.#gpu.check()
    const parsed = parseInput(input)
    const limits = featureLimits(this.config)
    const asked = (features: Features): DialogueIds => ({
      ...dialogueIds(features),
      ...(strategy !== undefined && { strategy: strategyProbabilities(strategy) }),
    })
    if ('ids' in parsed) {
      const features = idsFeatures(parsed, this.#tokenizer.vocabSize, limits)
      const named = (blocks: number[][]) => blocks.map((ids) => this.#block(ids))
      const blocks = { post: named(features.postBlocks), situation: named(features.situationBlocks) }
      return { dialogue: asked(features), blocks, cut: { utterances: 0, ids: 0 }, crisis: false }
    }
    const source = parsed.blocks ? 'given' : 'inferred'
    const written = parsed.blocks ?? (await this.#infer(parsed, signal, timer)) ?? { post: [], situation: [] }
    const { cut, ...features } = await dialogueFeatures(this.#tokenizer, { ...parsed, blocks: written }, limits)
    const read = (blocks: readonly CometBlock[], most: number) =>
      blocks.slice(0, most).map((it) => ({ ...it, source }) as const)
    const blocks = {
      post: read(written.post, limits.postBlocks),
      situation: read(written.situation, limits.situationBlocks),
    }
    return { dialogue: asked(features), blocks, cut, crisis: seekerMentionsCrisis(parsed) }
  }

  /** A COMET takes its time: no more texts are read at once than replies may be drawn or wait. */
  async #readInTurn(input: unknown, options: Pick<ReplyOptions, 'strategy' | 'signal'>, timer: ReplyTimer) {
    const [reading, most] = [this.#reading, this.#decoder.maxBatch + this.#maxQueue]
    if (reading >= most) {
      throw new QueueFullError(
        `the texts of ${reading} replies are being read, with maxQueue ${this.#maxQueue}: ` +
          'ask again when one of them is drawn, or load the model with a larger maxQueue',
      )
    }
    this.#reading++
    try {
      return await this.#read(input, options, timer)
    } finally {
      this.#reading--
    }
  }

  /** Has the COMET write a dialogue's blocks. */
  async #infer(dialogue: DialogueInput, signal: AbortSignal | undefined, timer: ReplyTimer | undefined) {
    if (!this.#writer) return undefined
    const blocks = await this.#writer.write(dialogue, { signal, watch: timer })
    timer?.written()
    return blocks
  }

  /** What a block says, read off its ids. */
  #block(ids: readonly number[]): ReplyBlock {
    const { relationIds } = this.#tokenizer
    const relation = RELATIONS.find((name) => relationIds[name] === ids[0])
    return { relation, tail: this.#tokenizer.decode(relation ? ids.slice(1) : ids), source: 'given' }
  }

  async #draw(input: unknown, replyOptions: ReplyOptions, onText: (text: string) => void): Promise<Reply> {
    const timer = new ReplyTimer()
    const { strategy, signal, ...generation } = replyOptions
    const options = this.#limited(resolveOptions(this.#defaults, generation))
    const { dialogue, blocks, cut, crisis } = await this.#readInTurn(input, { strategy, signal }, timer)
    timer.read()
    const { decoderStartId } = this.#decoder.rules
    const before = options.penalizeContext ? dialogue.context : []
    const start: ReplyStart<DialogueIds> = { input: dialogue, options, history: [...before, decoderStartId] }
    const ids: number[] = []
    const words = this.#tokenizer.stream()
    let text = ''
    const say = (piece: string) => {
      text += piece
      if (piece) onText(piece)
    }
    const drawn = (id: number) => {
      ids.push(id)
      say(words.push(id))
    }
    let mixture: StrategyMixture | undefined
    return new Promise((resolve, reject) => {
      const job = {
        ...start,
        signal,
        encoded: (scores: StrategyScores, milliseconds: number) => {
          mixture = strategyMixture(scores)
          timer.encoded(milliseconds)
        },
        failed: reject,
      }
      const finish = (finishReason: FinishReason, found: readonly Hypothesis[] = []) => {
        say(words.end())
        const { seed } = options
        const timings = timer.timings()
        const { name } = this.adapter
        const ofBeams = { score: found[0]?.score, sequences: this.#sequences(options, found) }
        resolve({
          text,
          ids,
          strategy: mixture,
          finishReason,
          ...ofBeams,
          blocks,
          cut,
          crisis,
          seed,
          timings,
          adapter: name,
        })
      }
      if (options.numBeams > 1) {
        this.#beams.add({
          ...job,
          stepped: () => timer.drawn(),
          drawn,
          finished: (found) => finish(found[0]?.finishReason ?? 'aborted', found),
        })
        return
      }
      this.#scheduler.add({
        ...job,
        drawn: (id) => {
          timer.drawn()
          drawn(id)
        },
        finished: (reason) => finish(reason),
      })
    })
  }

  /** All that a beam search found, where more than the best was asked for. */
  #sequences({ numReturnSequences }: ResolvedOptions, found: readonly Hypothesis[]): ReplySequence[] | undefined {
    if (numReturnSequences === 1) return undefined
    return found.map((it) => ({ text: this.#tokenizer.decode(it.ids), ...it }))
  }

  /** The decoder has as many positions as a reply may have ids, the start id left out. */
  #limited(options: ResolvedOptions): ResolvedOptions {
    return { ...options, maxLength: Math.min(options.maxLength, this.config.maxPositions + 1) }
  }
}

/** What is read of a model's folder before its weights, and who writes its blocks. */
type MiscFiles = Awaited<ReturnType<typeof readFiles>>

/** @throws InputError */
async function readFiles(model: string, asked: LoadOptions['comet'], onWarning: (message: string) => void) {
  const folder = await modelFolder(model)
  const tokenizer = await Tokenizer.load(folder)
  const config = await readConfig(folder)
  checkVocabulary(tokenizer, config, folder)
  const configFile = fileIn(folder, 'generation_config.json')
  const generation = await readJsonIfThere(configFile, {})
  const { options: defaults, rules, warnings } = parseGenerationConfig(generation, configFile, config)
  for (const warning of warnings) onWarning(warning)
  const path = await cometFolder(folder, asked)
  const comet = path === undefined ? undefined : await readCometFolder(path, onWarning)
  return { folder, comet, tokenizer, defaults, rules: { ...tokenRules(config, tokenizer.baseVocabSize), ...rules } }
}
