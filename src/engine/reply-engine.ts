import { QueueFullError } from '../errors.js'
import type { Hypothesis } from '../generation/beam-search.js'
import { type GenerationOptions, type ResolvedOptions, resolveOptions } from '../generation/options.js'
import type { AdapterInfo } from '../gpu/adapter-info.js'
import type { Model } from '../models/model.js'
import { BeamDecoder } from './beam-decoder.js'
import type { EngineParts } from './engine-parts.js'
import type { EngineTypes } from './engine-types.js'
import { type DrawnQuestion, explainReply, type Look } from './explain-reply.js'
import type { Explanation } from './explanation.js'
import { linkedAbort } from './linked-abort.js'
import type { LoadTimings } from './load-options.js'
import { OnDevice } from './on-device.js'
import type { DrawnReply, DrawOptions, FinishReason, ReplySequence } from './reply.js'
import type { ReplyDecoder, ReplyStart } from './reply-decoder.js'
import { ReplyTimer } from './reply-timer.js'
import { defaultStepsInFlight, ReplyScheduler } from './scheduler.js'
import type { ReadOptions, ReadQuestion, TextSide } from './text-side.js'

/** A piece of a reply, as it is drawn. */
export interface ReplyPiece {
  /** Whole words with the spacing of the finished text; the pieces joined are the reply's text. */
  readonly text: string
}

/**
 * A model of some family on one GPU: reads dialogues and draws replies.
 *
 * Calls made at once share the GPU by batching; each gets the reply that it would get alone. 16 replies, or
 * {@link LoadOptions.maxBatch}, are drawn at a time; those asked for beyond wait, and enter in the order in which they were asked for as soon as one ends. After
 * {@link dispose} every call rejects with a typed error. Where the device is lost what is being drawn rejects with one, and
 * the next call opens a device and loads the model again; an adapter that is no longer there may leave it another.
 */
export class ReplyEngine<Types extends EngineTypes = AnyTypes> implements AsyncDisposable {
  /** What {@link load} took; beside it, a reply's own timings tell what its first id took. */
  readonly loadTimings: LoadTimings
  readonly #device: OnDevice<Live<Types>>
  readonly #defaults: GenerationOptions
  readonly #maxQueue: number
  /** Replies whose texts are being read. */
  #reading = 0

  /** @internal Engines are loaded. */
  constructor(
    /** What kind of model it is. */
    readonly family: Types['family'],
    parts: EngineParts<Types>,
    /** Makes the parts on a GPU of their own, after the device was lost; default: then the engine has ended. */
    again?: () => Promise<EngineParts<Types>>,
  ) {
    this.#device = new OnDevice(liveParts(parts), again && (async () => liveParts(await again())))
    this.#defaults = parts.defaults
    this.#maxQueue = parts.maxQueue ?? usualQueue
    this.loadTimings = parts.loadTimings
  }

  get #live(): Live<Types> {
    return this.#device.parts
  }

  /** @internal */
  protected get text(): TextSide<Types> {
    return this.#live.text
  }

  /** @internal */
  protected get decoder(): ReplyDecoder<Types['input'], Types['told']> {
    return this.#live.decoder
  }

  /** The adapter that computes. */
  get adapter(): AdapterInfo {
    return this.decoder.gpu.adapter
  }

  /** Ids that the model reads of a dialogue, and draws of a reply, at most. */
  get maxPositions(): number {
    return this.decoder.model.config.maxPositions
  }

  /**
   * Its model alone, without text and without drawing: nobody else may use it meanwhile.
   *
   * @internal
   */
  get model(): Model<Types['input'], Types['told']> {
    return this.decoder.model
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
  async reply(
    question: Types['question'],
    options: DrawOptions & Types['options'] = {} as Types['options'],
  ): Promise<DrawnReply & Types['details']> {
    return (await this.#draw(question, options, () => {})).reply
  }

  /**
   * Draws a reply as {@link reply} does, the same to the same seed, and tells how sure its model was of every word. For that the
   * reply goes through the decoder once more, all its words at once; how it is drawn is left as it is.
   *
   * @throws as {@link reply} does
   */
  async explain(
    question: Types['question'],
    options: DrawOptions & Types['options'] = {} as Types['options'],
  ): Promise<Explanation<Types>> {
    return (await this.explained(question, options)).explanation
  }

  /**
   * As {@link explain}, with a look at what the replay computed.
   *
   * @internal
   */
  protected async explained<Seen = undefined>(
    question: Types['question'],
    options: DrawOptions & Types['options'],
    look?: Look<Types, Seen>,
  ): Promise<{ readonly explanation: Explanation<Types>; readonly seen: Seen | undefined }> {
    const drawn = await this.#draw(question, options, () => {})
    return this.exclusive(async () => {
      this.decoder.gpu.check()
      return explainReply(this.decoder, this.text.words, drawn, look)
    })
  }

  /** Draws a reply to each dialogue, together. Where one fails, for a reason of {@link reply}, the others are stopped. */
  async replies(
    questions: readonly Types['question'][],
    options: DrawOptions & Types['options'] = {} as Types['options'],
  ): Promise<(DrawnReply & Types['details'])[]> {
    const { signal, stop } = linkedAbort(options.signal)
    try {
      return await Promise.all(questions.map((it) => this.reply(it, { ...options, signal })))
    } finally {
      stop()
    }
  }

  /**
   * Draws a reply and gives its text piece by piece, in whole words; returns the finished reply. Leaving the loop early
   * stops the drawing. Of a beam search a piece comes once it can no longer change: as soon as all beams that can still win
   * have it in common. Often that is late.
   */
  async *stream(
    question: Types['question'],
    options: DrawOptions & Types['options'] = {} as Types['options'],
  ): AsyncGenerator<ReplyPiece, DrawnReply & Types['details'], void> {
    const { signal, stop } = linkedAbort(options.signal)
    const pieces: ReplyPiece[] = []
    let wake = () => {}
    let finished = false
    const done = this.#draw(question, { ...options, signal }, (text) => {
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
      return (await done).reply
    } finally {
      stop()
    }
  }

  /**
   * Names of the options that its family has beside those of drawing.
   *
   * @internal
   */
  get ownOptions(): readonly string[] {
    return this.text.options.map(String)
  }

  /**
   * The next reply reads its dialogue as if nothing of it had ever been met.
   *
   * @internal
   */
  forget(): void {
    this.text.forget?.()
    this.decoder.model.forget()
  }

  /**
   * Frees everything on the GPU; replies being drawn reject with {@link DisposedError}. Other engines are left whole, and
   * the process can end.
   *
   * In a worker thread, await this before the worker ends in any way: `worker.terminate()`, `process.exit()` or an uncaught
   * error while the engine loads or draws abort the whole process, in the WebGPU bindings. examples/worker.mjs shows how.
   */
  dispose(): Promise<void> {
    return this.#device.dispose()
  }

  /** {@link dispose}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  /**
   * Whether nothing is drawn or searched for.
   *
   * @internal
   */
  get idle(): boolean {
    const { scheduler, beams, text } = this.#live
    return scheduler.idle && beams.idle && (text.idle ?? true)
  }

  /**
   * Does work that needs the GPU to itself, between two steps.
   *
   * @internal
   */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.#live.scheduler.exclusive(work)
  }

  /**
   * Checks a question and turns it into ids.
   *
   * @internal
   */
  protected async read(
    question: unknown,
    options: ReadOptions<Types>,
    timer?: ReplyTimer,
  ): Promise<ReadQuestion<Types>> {
    const { text } = await this.#device.recovered()
    return text.read(question, options, timer)
  }

  /** Reading can take its time: no more texts are read at once than replies may be drawn or wait. */
  async #readInTurn(question: unknown, options: ReadOptions<Types>, timer: ReplyTimer): Promise<ReadQuestion<Types>> {
    const [reading, most] = [this.#reading, this.decoder.maxBatch + this.#maxQueue]
    if (reading >= most) {
      throw new QueueFullError(
        `the texts of ${reading} replies are being read, with maxQueue ${this.#maxQueue}: ` +
          'ask again when one of them is drawn, or load the model with a larger maxQueue',
      )
    }
    this.#reading++
    try {
      return await this.read(question, options, timer)
    } finally {
      this.#reading--
    }
  }

  async #draw(
    question: unknown,
    { signal, ...asked }: DrawOptions & Types['options'],
    onText: (text: string) => void,
  ): Promise<DrawnQuestion<Types>> {
    const timer = new ReplyTimer()
    const { own, generation } = this.#parted(asked)
    const options = this.#limited(resolveOptions(this.#defaults, generation))
    const { seed } = options
    const read = await this.#readInTurn(question, { ...own, seed, signal }, timer)
    timer.read()
    const { cut, crisis, details } = read
    const start = await this.#start(read, options, signal)
    let { opened } = start
    const { words } = this.text
    const ids: number[] = []
    const stream = words.stream()
    let text = ''
    const say = (piece: string) => {
      text += piece
      if (piece) onText(piece)
    }
    const drawn = (id: number) => {
      if (start.opening && opened === undefined) opened = id
      else {
        ids.push(id)
        say(stream.push(id))
      }
    }
    let told: Types['told'] | undefined
    return new Promise((resolve, reject) => {
      const job = {
        ...start,
        signal,
        encoded: (scores: Types['told'], milliseconds: number) => {
          told = scores
          timer.encoded(milliseconds)
        },
        failed: reject,
      }
      const finish = (finishReason: FinishReason, found: readonly Hypothesis[] = []) => {
        say(stream.end())
        const ofBeams = { score: found[0]?.score, sequences: this.#sequences(options, found) }
        const { name: adapter } = this.adapter
        const drawn = { text, ids, finishReason, ...ofBeams, cut, crisis }
        const reply = { ...drawn, ...details(told, opened), seed, timings: timer.timings(), adapter }
        resolve({ family: this.family, reply, read, options, opened })
      }
      if (options.numBeams > 1) {
        this.#live.beams.add({
          ...job,
          stepped: () => timer.drawn(),
          drawn,
          finished: (found) => finish(found[0]?.finishReason ?? 'aborted', found),
        })
        return
      }
      this.#live.scheduler.add({
        ...job,
        drawn: (id) => {
          timer.drawn()
          drawn(id)
        },
        finished: (reason) => finish(reason),
      })
    })
  }

  /** What a reply starts from; where beams search for it, its opening is drawn before. */
  async #start(
    { input, context, begun = [], opening }: ReadQuestion<Types>,
    options: ResolvedOptions,
    signal: AbortSignal | undefined,
  ): Promise<ReplyStart<Types['input']> & { readonly opened?: number | undefined }> {
    const { decoderStartId } = this.decoder.rules
    const history = [...(options.penalizeContext ? context : []), decoderStartId, ...begun]
    if (!opening) return { input, options, history }
    // It counts as an id.
    const longer = { ...options, maxLength: options.maxLength + 1 }
    const start = {
      input,
      options: longer,
      history,
      opening: { ...opening.options(options), maxLength: longer.maxLength },
    }
    if (options.numBeams === 1) return start
    const opened = await this.#open(start, signal)
    // Where it was stopped the search will be, too, before it begins.
    if (opened === undefined) return { input, options, history }
    return { input: opening.chosen(opened), options, history: [...history, opened], opened }
  }

  /** Draws the opening of a reply alone; undefined where it was stopped. */
  #open(start: ReplyStart<Types['input']>, signal: AbortSignal | undefined): Promise<number | undefined> {
    const alone = (options: ResolvedOptions) => ({ ...options, maxLength: 2 })
    let opened: number | undefined
    return new Promise((resolve, reject) => {
      this.#live.scheduler.add({
        ...{ ...start, options: alone(start.options), opening: start.opening && alone(start.opening), signal },
        encoded: () => {},
        drawn: (id) => {
          opened = id
        },
        finished: () => resolve(opened),
        failed: reject,
      })
    })
  }

  /** Options of the family, and those of drawing. */
  #parted(options: Readonly<Record<string, unknown>> & Types['options']) {
    const own: readonly PropertyKey[] = this.text.options
    const entries = Object.entries(options)
    return {
      own: Object.fromEntries(entries.filter(([name]) => own.includes(name))) as Types['options'],
      generation: Object.fromEntries(entries.filter(([name]) => !own.includes(name))) as GenerationOptions,
    }
  }

  /** All that a beam search found, where more than the best was asked for. */
  #sequences({ numReturnSequences }: ResolvedOptions, found: readonly Hypothesis[]): ReplySequence[] | undefined {
    if (numReturnSequences === 1) return undefined
    return found.map((it) => ({ text: this.text.words.decode(it.ids), ...it }))
  }

  /** The decoder has as many positions as a reply may have ids, the start id left out. */
  #limited(options: ResolvedOptions): ResolvedOptions {
    return { ...options, maxLength: Math.min(options.maxLength, this.maxPositions + 1) }
  }
}

/** Replies that may wait where nothing is said of it. */
const usualQueue = 256

/** What an engine works with as long as its device lives. */
type Live<Types extends EngineTypes> = ReturnType<typeof liveParts<Types>>

function liveParts<Types extends EngineTypes>({ decoder, text, maxQueue = usualQueue }: EngineParts<Types>) {
  const stepsInFlight = defaultStepsInFlight(decoder.gpu.adapter)
  const scheduler = new ReplyScheduler(decoder, { stepsInFlight, maxQueue })
  return { gpu: decoder.gpu, decoder, text, scheduler, beams: new BeamDecoder(scheduler) }
}

/** The {@link EngineTypes} of an engine of whatever family. */
export interface AnyTypes extends EngineTypes {
  // biome-ignore lint/suspicious/noExplicitAny: as below
  readonly family: any
  // biome-ignore lint/suspicious/noExplicitAny: what one family takes, another does not
  readonly question: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly input: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly told: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly details: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly options: any
}
