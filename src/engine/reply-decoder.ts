import { InputError } from '../errors.js'
import type { ResolvedOptions } from '../generation/options.js'
import type { TokenRules } from '../generation/token-rules.js'
import type { Gpu } from '../gpu/gpu.js'
import { type OnKernel, runEachKernel } from '../gpu/recorder.js'
import type { Model } from '../models/model.js'
import { type EncodingInFlight, InputReader } from './input-reader.js'
import { ReplySlots, type StepInFlight } from './reply-slots.js'

/** A reply to start: how it is drawn, and the ids that its processors see before its first, the one that the decoder reads last. */
export interface ReplyStart<Input = unknown> {
  readonly input: Input
  readonly options: ResolvedOptions
  readonly history: readonly number[]
  /** How the reply's opening is drawn, where it is to have one of the rules': it comes as an id before the others, and counts as one. */
  readonly opening?: ResolvedOptions | undefined
}

/** Replies drawn together at most, unless the caller says otherwise or fewer fit. */
const defaultMaxBatch = 16

/**
 * Draws several replies at once, each a row of the decode step. Rows in use are always 0 … n − 1: a reply that ends gives its
 * row to the last one. All memory of a number of rows is made at once, and again only when more are needed; a step makes no
 * GPU object but its command buffer. Where there is no memory for a reply, those being drawn go on as if it had not been asked
 * for.
 *
 * The methods only submit: the GPU works through all of it in that order, while what came before is still under way.
 * Await each before the next.
 */
export class ReplyDecoder<Input = unknown, Told = unknown> {
  readonly reader: InputReader<Input, Told>
  /** Replies drawn together, at most. */
  readonly maxBatch: number
  /** Kept for when no more are needed: going back to it can never fail. */
  readonly #oneSlot: ReplySlots
  #slots: ReplySlots
  #used = 0

  /**
   * @param maxBatch default: 16, or as many as fit.
   * @throws InputError where so many replies do not fit in the buffers that the adapter allows.
   */
  constructor(
    readonly gpu: Gpu,
    readonly model: Model<Input, Told>,
    /** What all replies keep to. */
    readonly rules: TokenRules,
    maxBatch?: number,
  ) {
    this.reader = new InputReader(gpu, model)
    this.#oneSlot = new ReplySlots(gpu, model, 1, rules)
    this.#slots = this.#oneSlot
    // Beside what is kept for a reply: the widest rows that a step works with.
    const bytes = Math.max(this.#oneSlot.largestPart, 4 * model.widestRow)
    const most = Math.floor(gpu.maxTensorBytes / bytes)
    this.maxBatch = maxBatch ?? Math.max(1, Math.min(defaultMaxBatch, most))
    if (this.maxBatch > most) {
      throw new InputError(
        `maxBatch ${maxBatch} does not fit: a reply of this model takes ${bytes} bytes of a buffer, and ${gpu.adapter.name} ` +
          `allows ${gpu.maxTensorBytes}: load it with a maxBatch of ${most} or less`,
      )
    }
  }

  /** Replies being drawn. */
  get size(): number {
    return this.#used
  }

  /**
   * Compiles the kernels that a reply to such an input needs, all at once, and makes the memory for it; nothing is
   * computed, so the weights need not be there yet.
   *
   * @returns to be called when they are: runs each kernel once, because some drivers compile it only then.
   */
  async compile(input: Input): Promise<(onKernel?: OnKernel) => Promise<void>> {
    const { run } = this.reader
    const recorded = run.record((pass) => this.model.start(pass, [input], this.#slots.cache, [0]))
    // What was recorded is never computed.
    this.model.forget()
    const [{ recording: encoding }, step] = await Promise.all([recorded, this.#slots.recording(1)])
    return async (onKernel) => {
      await runEachKernel(this.gpu, [encoding, step], onKernel)
      encoding.dispose()
      run.scratch.release()
    }
  }

  /**
   * Reads inputs, together, and gives each the next free row.
   *
   * @throws OutOfMemoryError where there is no memory for them: those being drawn are not touched.
   */
  async start(replies: readonly ReplyStart<Input>[]): Promise<EncodingInFlight<Told>> {
    const count = this.#used + replies.length
    const slots = await this.#slotsFor(count)
    try {
      const rows = replies.map((_, i) => this.#used + i)
      replies.forEach(({ input, options, history, opening }, i) => {
        slots.start(rows[i]!, options, history, this.model.first(input), opening)
      })
      const inputs = replies.map((it) => it.input)
      const places = rows.map((row) => slots.slotOf(row))
      // The kernels of the step compile while the GPU encodes.
      const [encoding, prepared] = await Promise.allSettled([
        this.reader.encode(inputs, slots.cache, places),
        slots.prepare(count, this.#slots),
      ])
      for (const it of [encoding, prepared]) if (it.status === 'rejected') throw it.reason
      if (slots !== this.#slots) await this.#moveTo(slots)
      this.#used = count
      return (encoding as PromiseFulfilledResult<EncodingInFlight<Told>>).value
    } catch (error) {
      if (slots !== this.#slots) slots.dispose()
      throw error
    }
  }

  /** One id more for every reply, in the order of their rows. */
  submitStep(): Promise<StepInFlight> {
    return this.#slots.submitStep(this.#used)
  }

  /** Ends the reply of a row, whose place the reply of the last row takes: its row is now this one. */
  async release(row: number): Promise<void> {
    this.#used--
    if (row === this.#used) return
    await this.reader.run.submit(({ recorder }) => this.#slots.replace(recorder, row, this.#used))
  }

  /** Ends every reply, after an error. */
  reset(): void {
    this.#used = 0
  }

  /** Gives back the memory that inputs were read with, and that more than one reply needed, unless any is being drawn. */
  shrink(): void {
    if (this.#used > 0) return
    this.reader.run.scratch.dispose()
    if (this.#slots === this.#oneSlot) return
    this.#slots.dispose()
    this.#slots = this.#oneSlot
  }

  dispose(): void {
    if (this.#slots !== this.#oneSlot) this.#slots.dispose()
    this.#oneSlot.dispose()
    this.reader.dispose()
  }

  /** Those in use, or where they are too few others, by powers of two. */
  async #slotsFor(count: number): Promise<ReplySlots> {
    if (count <= this.#slots.slots) return this.#slots
    const size = Math.min(this.maxBatch, 2 ** Math.ceil(Math.log2(count)))
    return await this.gpu.scoped(
      `room for ${size} replies`,
      () => new ReplySlots(this.gpu, this.model, size, this.rules),
    )
  }

  /** The replies being drawn go on in other slots. */
  async #moveTo(slots: ReplySlots): Promise<void> {
    await this.reader.run.submit(({ recorder }) => slots.takeOver(recorder, this.#slots, this.#used))
    if (this.#slots !== this.#oneSlot) this.#slots.dispose()
    this.#slots = slots
  }
}
