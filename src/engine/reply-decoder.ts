import type { ResolvedOptions } from '../generation/options.js'
import type { TokenRules } from '../generation/token-rules.js'
import type { Gpu } from '../gpu/gpu.js'
import { type OnKernel, runEachKernel } from '../gpu/recorder.js'
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

/** Dialogues that the GPU has still to encode. */
export interface EncodingInFlight {
  readonly mixtures: Promise<StrategyMixture[]>
}

/**
 * Draws several replies at once, each in a slot. Slots in use are always 0 … n − 1: a reply that ends gives its slot to
 * the last one. All memory of a number of slots is made at once, and again only when more are needed; a step makes no GPU
 * object but its command buffer.
 *
 * The methods only submit: the GPU works through all of it in that order, while what came before is still under way.
 * Await each before the next.
 */
export class ReplyDecoder {
  readonly #run: MiscRun
  #slots: ReplySlots
  #used = 0

  constructor(
    readonly gpu: Gpu,
    readonly weights: MiscWeights,
    /** What all replies keep to. */
    readonly rules: TokenRules,
  ) {
    this.#run = new MiscRun(gpu, weights)
    this.#slots = new ReplySlots(gpu, weights, 1, rules)
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

  /** Encodes dialogues, together, and gives each the next free slot. */
  async start(replies: readonly ReplyStart[]): Promise<EncodingInFlight> {
    await this.#reserve(this.#used + replies.length)
    const slots = replies.map((_, i) => this.#used + i)
    replies.forEach(({ options, history }, i) => {
      this.#slots.start(slots[i]!, options, history)
    })
    const dialogues = replies.map((it) => it.dialogue)
    const encoding = await this.encode(dialogues, this.#slots.state, slots)
    this.#used += replies.length
    return encoding
  }

  /** Encodes dialogues into slots of any decoder state. */
  async encode(
    dialogues: readonly DialogueIds[],
    state: DecoderState,
    slots: readonly number[],
  ): Promise<EncodingInFlight> {
    const { strategy } = await this.#run.submit((pass) => this.#run.encode(pass, dialogues, state, slots))
    // Copied before the next encoding can overwrite them.
    const mixtures = readMixtures(this.gpu, strategy, dialogues.length)
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

  dispose(): void {
    this.#slots.dispose()
    this.#run.dispose()
  }

  /** Makes room for this many replies, by powers of two; those being drawn are carried over. */
  async #reserve(count: number): Promise<void> {
    if (count <= this.#slots.slots) return
    const larger = new ReplySlots(this.gpu, this.weights, 2 ** Math.ceil(Math.log2(count)), this.rules)
    await this.#run.submit(({ recorder }) => {
      for (let slot = 0; slot < this.#used; slot++) larger.copySlot(recorder, this.#slots, slot, slot)
    })
    this.#slots.dispose()
    this.#slots = larger
  }
}
