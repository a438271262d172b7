import { GpuError, QueueFullError } from '../errors.js'
import type { AdapterInfo } from '../gpu/adapter.js'
import { type RowDraw, rowStatus } from '../ops/sampling-rows.js'
import type { FinishReason, StrategyMixture } from './reply.js'
import type { ReplyDecoder, ReplyStart } from './reply-decoder.js'

/** Ids encoded between two steps while replies are drawn, at most, unless a single dialogue has more. */
export const maxEncodedIds = 1024

/** Milliseconds without a reply after which the memory of many is given back. */
const idleMs = 30_000

/**
 * A reply on its way. The scheduler calls back as it goes; where a callback throws, this reply fails, and no other. `failed`
 * must not.
 */
export interface ReplyJob extends ReplyStart {
  readonly signal?: AbortSignal | undefined
  encoded(strategy: StrategyMixture, milliseconds: number): void
  /** An id was drawn; one that ends the reply is not told. */
  drawn(id: number): void
  finished(reason: FinishReason): void
  failed(error: unknown): void
}

/** How a {@link ReplyScheduler} shares the GPU. */
export interface SchedulerOptions {
  /** Steps submitted before the draws of the first are read, at most; at least 1. */
  readonly stepsInFlight: number
  /** Replies that wait for a slot, at most. */
  readonly maxQueue: number
  /** Milliseconds without a reply after which the memory of many is given back; default: 30 000. */
  readonly idleMs?: number
}

/** A reply that has had a slot: until it ends, or until the last step that it can need is submitted. */
interface Drawing {
  readonly job: ReplyJob
  /** Steps until the reply is as long as allowed that are not submitted yet. */
  stepsLeft: number
}

/** What the GPU has been given to do, and what to tell the jobs when it is done. */
interface InFlight {
  readonly isStep: boolean
  tell(): Promise<void>
}

/**
 * Shares the GPU among the replies asked for. First come, first served: a reply gets a slot before all that were asked
 * for after it, so however many short ones come, none waits longer than those before it take. Those that wait are encoded
 * as slots become free, a bounded number of ids between two steps, so that those being drawn never stall for long; all of
 * these gain an id at every step; those that end make room between steps.
 *
 * Steps are submitted before the draws of earlier ones are read, so that the GPU never waits for this loop. A reply whose
 * end is read late has been in the steps in flight for nothing: the GPU draws no more for it, and its slot is freed by
 * the first step after. A reply that can need no further step gives up its slot when its last is submitted.
 */
export class ReplyScheduler {
  readonly #waiting: ReplyJob[] = []
  /** By slot, as the slots will be for the next step. */
  readonly #slots: Drawing[] = []
  /** Those in slots, and those that left theirs and have steps in flight; not those that were told of their end. */
  readonly #unfinished = new Set<Drawing>()
  /** Oldest first, which is the order in which the GPU gets done. */
  readonly #inFlight: InFlight[] = []
  #turn: Promise<unknown> = Promise.resolve()
  #looping = false
  #idleTimer: NodeJS.Timeout | undefined

  constructor(
    readonly decoder: ReplyDecoder,
    readonly options: SchedulerOptions,
  ) {}

  /**
   * Queues a reply.
   *
   * @throws QueueFullError
   */
  add(job: ReplyJob): void {
    const { maxQueue } = this.options
    // Those whose signal has stopped them are gone by the next turn.
    const waiting = this.#waiting.filter((it) => !it.signal?.aborted).length
    const drawn = this.#slots.filter((it) => !it.job.signal?.aborted).length
    if (waiting + drawn >= this.decoder.maxBatch + maxQueue) {
      throw new QueueFullError(
        `${drawn} replies are being drawn and ${waiting} wait, with maxQueue ${maxQueue}: ` +
          'ask again when one of them has ended, or load the model with a larger maxQueue',
      )
    }
    this.#waiting.push(job)
    if (!this.#looping) void this.#loop()
  }

  /** Does work with the encoder's memory while nothing is submitted here. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => {})
    return result
  }

  /** Whether no reply is drawn or waits. */
  get idle(): boolean {
    return !this.#looping
  }

  async #loop(): Promise<void> {
    this.#looping = true
    try {
      // Replies asked for in the same turn of the event loop are encoded together.
      await new Promise((resolve) => setImmediate(resolve))
      while (this.#waiting.length + this.#unfinished.size + this.#inFlight.length > 0) {
        await this.exclusive(async () => {
          await this.#dropAborted()
          while (this.#stepsInFlight() < this.options.stepsInFlight) {
            await this.#admit()
            if (this.#slots.length === 0) break
            await this.#submitStep()
          }
          await this.#inFlight.shift()?.tell()
        })
      }
    } catch (error) {
      this.decoder.reset()
      const jobs = [...Array.from(this.#unfinished, ({ job }) => job), ...this.#waiting.splice(0)]
      this.#unfinished.clear()
      this.#slots.length = 0
      this.#inFlight.length = 0
      for (const job of jobs) job.failed(error)
    } finally {
      this.#looping = false
      this.#shrinkLater()
    }
  }

  /** Keeps no process alive; whoever asks for a reply at that moment goes first, or finds the memory given back. */
  #shrinkLater(): void {
    clearTimeout(this.#idleTimer)
    const shrink = () => this.exclusive(async () => this.idle && this.decoder.shrink())
    this.#idleTimer = setTimeout(shrink, this.options.idleMs ?? idleMs).unref()
  }

  #stepsInFlight(): number {
    return this.#inFlight.filter(({ isStep }) => isStep).length
  }

  /** Ends the replies whose signal says so. */
  async #dropAborted(): Promise<void> {
    for (const job of this.#waiting.splice(0)) {
      if (job.signal?.aborted) finish(job, 'aborted')
      else this.#waiting.push(job)
    }
    for (const drawing of this.#unfinished) {
      if (!drawing.job.signal?.aborted) continue
      await this.#leave(drawing)
      finish(drawing.job, 'aborted')
    }
  }

  /** Gives free slots to those that wait longest, as many as may be encoded before the next step. */
  async #admit(): Promise<void> {
    const candidates = this.#waiting.slice(0, this.decoder.maxBatch - this.#slots.length)
    const count = this.#slots.length === 0 ? candidates.length : fitting(candidates, maxEncodedIds)
    if (count === 0) return
    const jobs = this.#waiting.splice(0, count)
    const started = performance.now()
    try {
      const { mixtures } = await this.decoder.start(jobs)
      const drawings = jobs.map((job) => ({ job, stepsLeft: Math.max(1, job.options.maxLength - 1) }))
      this.#slots.push(...drawings)
      for (const drawing of drawings) this.#unfinished.add(drawing)
      this.#inFlight.push({ isStep: false, tell: async () => this.#tellMixtures(drawings, await mixtures, started) })
    } catch (error) {
      // Those being drawn go on; where the GPU itself has ended, their next step says so.
      for (const job of jobs) job.failed(error)
    }
  }

  async #submitStep(): Promise<void> {
    const drawings = [...this.#slots]
    const { draws } = await this.decoder.submitStep()
    this.#inFlight.push({ isStep: true, tell: async () => this.#tellDraws(drawings, await draws) })
    for (const drawing of drawings) {
      drawing.stepsLeft--
      if (drawing.stepsLeft === 0) await this.#release(drawing)
    }
  }

  async #tellMixtures(
    drawings: readonly Drawing[],
    mixtures: readonly StrategyMixture[],
    started: number,
  ): Promise<void> {
    for (const [i, drawing] of drawings.entries()) {
      if (!this.#unfinished.has(drawing)) continue
      const { job } = drawing
      const thrown = thrownBy(() => job.encoded(mixtures[i]!, performance.now() - started))
      if (thrown) await this.#fail(drawing, thrown.error)
    }
  }

  async #tellDraws(drawings: readonly Drawing[], draws: readonly RowDraw[]): Promise<void> {
    for (const [slot, drawing] of drawings.entries()) {
      const { job } = drawing
      // It ended earlier, or its signal says that it shall: then the next turn ends it.
      if (!this.#unfinished.has(drawing) || job.signal?.aborted) continue
      const { id, status } = draws[slot]!
      if (status === rowStatus.failed) {
        await this.#fail(drawing, new GpuError(failedDraw))
        continue
      }
      const thrown = status === rowStatus.stop ? undefined : thrownBy(() => job.drawn(id))
      if (thrown) await this.#fail(drawing, thrown.error)
      else if (status !== rowStatus.running) {
        await this.#leave(drawing)
        finish(job, status === rowStatus.stop ? 'stop' : 'length')
      }
    }
  }

  async #fail(drawing: Drawing, error: unknown): Promise<void> {
    await this.#leave(drawing)
    drawing.job.failed(error)
  }

  /** A reply ends; steps in flight count no more for it. */
  async #leave(drawing: Drawing): Promise<void> {
    await this.#release(drawing)
    this.#unfinished.delete(drawing)
  }

  /** Frees the slot that a reply may have; the reply of the last slot takes it. */
  async #release(drawing: Drawing): Promise<void> {
    const slot = this.#slots.indexOf(drawing)
    if (slot < 0) return
    await this.decoder.release(slot)
    const last = this.#slots.pop()!
    if (slot < this.#slots.length) this.#slots[slot] = last
  }
}

const failedDraw =
  'the logits of a reply are not finite, or leave no id that may be drawn: check the checkpoint with misc validate'

/** What a caller's code throws; undefined where it goes well. */
function thrownBy(work: () => void): { readonly error: unknown } | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return { error }
  }
}

function finish(job: ReplyJob, reason: FinishReason): void {
  const thrown = thrownBy(() => job.finished(reason))
  if (thrown) job.failed(thrown.error)
}

/** How many of these, from the first on, have no more ids than so many; one where there is one. */
function fitting(jobs: readonly ReplyJob[], most: number): number {
  let ids = 0
  const over = jobs.findIndex((job) => {
    ids += idsOf(job)
    return ids > most
  })
  return over < 0 ? jobs.length : Math.max(1, over)
}

/** Ids that are encoded for a reply, at most: some of its blocks may be known. */
const idsOf = ({ dialogue: { context, post, situation } }: ReplyJob): number =>
  [context, ...post, ...situation].reduce((sum, ids) => sum + ids.length, 0)

/**
 * Steps in flight that suit an adapter.
 *
 * Hardware: one being computed, one submitted behind it, and one whose draws are on their way here. On a software adapter
 * a step submitted for nothing, behind an EOS that is not read yet, takes the time of a whole step, and there is little to
 * win: with 2, misc-mini takes 1 % less time per id on lavapipe and 10 % less on SwiftShader, base takes no less, and a
 * reply of 24 ids loses 4 % (`bench/steps-in-flight.ts`).
 */
export function defaultStepsInFlight({ software }: Pick<AdapterInfo, 'software'>): number {
  return software ? 1 : 3
}
