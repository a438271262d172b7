import { InputError } from '../errors.js'
import type { ResolvedOptions } from '../generation/options.js'
import type { TokenRules } from '../generation/token-rules.js'
import type { Gpu } from '../gpu/gpu.js'
import { type OnKernel, runEachKernel } from '../gpu/recorder.js'
import { largestPart } from '../gpu/slots.js'
import type { DecoderState } from '../models/misc/decoder.js'
import type { MiscWeights } from '../models/misc/layout.js'
import type { DialogueIds } from '../models/misc/misc.js'
import { MiscRun } from '../models/misc/run.js'
import { readMixtures } from './read-mixtures.js'
import type { StrategyMixture } from './reply.js'
import { ReplySlots, type StepInFlight } from './reply-slots.js'

/** A reply to start: how it is drawn, and the ids that its processors see before its first, the start id the last. */
export interface ReplyStart {
  readonly dialogue: DialogueIds
  readonly options: ResolvedOptions
  readonly history: readonly number[]
}

/** Replies drawn together at most, unless the caller says otherwise or fewer fit. */
const defaultMaxBatch = 16

/** Dialogues that the GPU has still to encode. */
export interface EncodingInFlight {
  readonly mixtures: Promise<StrategyMixture[]>
}

/**
 * Draws several replies at once, each in a slot. Slots in use are always 0 … n − 1: a reply that ends gives its slot to
 * the last one. All memory of a number of slots is made at once, and again only when more are needed; a step makes no GPU
 * object but its command buffer. Where there is no memory for a reply, those being drawn go on as if it had not been asked
 * for.
 *
 * The methods only submit: the GPU works through all of it in that order, while what came before is still under way.
 * Await each before the next.
 */
export class ReplyDecoder {
  readonly #run: MiscRun
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
    readonly weights: MiscWeights,
    /** What all replies keep to. */
    readonly rules: TokenRules,
    maxBatch?: number,
  ) {
    this.#run = new MiscRun(gpu, weights)
    this.#oneSlot = new ReplySlots(gpu, weights, 1, rules)
    this.#slots = this.#oneSlot
    const { vocabSize, decoderFfn, dModel } = weights.config
    // Beside what is kept for a slot: the widest rows that a step works with.
    const bytes = Math.max(largestPart(this.#oneSlot), 4 * Math.max(vocabSize, decoderFfn, 3 * dModel))
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
   * Compiles the kernels that a reply to such a dialogue needs, all at once, and makes the memory for it; nothing is
   * computed, so the weights need not be there yet.
   *
   * @returns to be called when they are: runs each kernel once, because some drivers compile it only then.
   */
  async compile(dialogue: DialogueIds): Promise<(onKernel?: OnKernel) => Promise<void>> {
    const run = this.#run
    const recorded = run.record((pass) => run.encode(pass, [dialogue], this.#slots.state))
    // What was recorded is never computed.
    run.blocks.clear()
    const [{ recording: encoding }, step] = await Promise.all([recorded, this.#slots.recording(1)])
    return async (onKernel) => {
      await runEachKernel(this.gpu, [encoding, step], onKernel)
      encoding.dispose()
      run.scratch.release()
    }
  }

  /**
   * Encodes dialogues, together, and gives each the next free slot.
   *
   * @throws OutOfMemoryError where there is no memory for them: those being drawn are not touched.
   */
  async start(replies: readonly ReplyStart[]): Promise<EncodingInFlight> {
    const count = this.#used + replies.length
    const slots = await this.#slotsFor(count)
    try {
      const places = replies.map((_, i) => this.#used + i)
      replies.forEach(({ options, history }, i) => {
        slots.start(places[i]!, options, history)
      })
      const dialogues = replies.map((it) => it.dialogue)
      // The kernels of the step compile while the GPU encodes.
      const [encoding, prepared] = await Promise.allSettled([
        this.encode(dialogues, slots.state, places),
        slots.prepare(count, this.#slots),
      ])
      for (const it of [encoding, prepared]) if (it.status === 'rejected') throw it.reason
      if (slots !== this.#slots) await this.#moveTo(slots)
      this.#used = count
      return (encoding as PromiseFulfilledResult<EncodingInFlight>).value
    } catch (error) {
      if (slots !== this.#slots) slots.dispose()
      throw error
    }
  }

  /**
   * Encodes dialogues into slots of any decoder state.
   *
   * @throws OutOfMemoryError
   */
  async encode(
    dialogues: readonly DialogueIds[],
    state: DecoderState,
    slots: readonly number[],
  ): Promise<EncodingInFlight> {
    const { gpu } = this
    const readbacks = await this.#run.submit(
      (pass) => {
        const { logits, probs } = this.#run.encode(pass, dialogues, state, slots).strategy
        return [gpu.readback(logits), gpu.readback(probs)] as const
      },
      'encoding a dialogue',
      (readbacks) => readbacks,
    )
    const mixtures = readMixtures(readbacks, dialogues.length)
    // Whoever awaits them sees the failure when it gets there.
    mixtures.catch(() => {})
    return { mixtures }
  }

  /** One id more for every reply, in the order of their slots. */
  submitStep(): Promise<StepInFlight> {
    return this.#slots.submitStep(this.#used)
  }

  /** Ends the reply in a slot, whose place the reply of the last slot takes: its slot is now this one. */
  async release(slot: number): Promise<void> {
    this.#used--
    if (slot === this.#used) return
    await this.#run.submit(({ recorder }) => this.#slots.copySlot(recorder, this.#slots, this.#used, slot))
  }

  /** Ends every reply, after an error. */
  reset(): void {
    this.#used = 0
  }

  /** Gives back the memory that more than one reply needed, unless any is being drawn. */
  shrink(): void {
    if (this.#used > 0 || this.#slots === this.#oneSlot) return
    this.#slots.dispose()
    this.#slots = this.#oneSlot
    this.#run.scratch.dispose()
  }

  dispose(): void {
    if (this.#slots !== this.#oneSlot) this.#slots.dispose()
    this.#oneSlot.dispose()
    this.#run.dispose()
  }

  /** Those in use, or where they are too few others, by powers of two. */
  async #slotsFor(count: number): Promise<ReplySlots> {
    if (count <= this.#slots.slots) return this.#slots
    const size = Math.min(this.maxBatch, 2 ** Math.ceil(Math.log2(count)))
    return await this.gpu.scoped(
      `room for ${size} replies`,
      () => new ReplySlots(this.gpu, this.weights, size, this.rules),
    )
  }

  /** The replies being drawn go on in other slots. */
  async #moveTo(slots: ReplySlots): Promise<void> {
    await this.#run.submit(({ recorder }) => {
      for (let slot = 0; slot < this.#used; slot++) slots.copySlot(recorder, this.#slots, slot, slot)
    })
    if (this.#slots !== this.#oneSlot) this.#slots.dispose()
    this.#slots = slots
  }
}
