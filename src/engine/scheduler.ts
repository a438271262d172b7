import { GpuError, QueueFullError } from '../errors.js'
import type { AdapterInfo } from '../gpu/adapter-info.js'
import { type RowDraw, rowStatus } from '../ops/sampling-rows.js'
import type { FinishReason } from './reply.js'
import type { ReplyDecoder, ReplyStart } from './reply-decoder.js'

/** Ids encoded between two steps while replies are drawn, at most, unless a single dialogue has more. */
export const maxEncodedIds = 1024

/** Milliseconds without a reply after which the memory of many is given back. */
export const idleMs = 30_000

/**
 * A reply on its way. The scheduler calls back as it goes; where a callback throws, this reply fails, and no other. `failed`
 * must not.
 */
export interface ReplyJob<Input = unknown, Told = unknown> extends ReplyStart<Input> {
  readonly signal?: AbortSignal | undefined
  /** Its input was read; what the model tells of it. */
  encoded(told: Told, milliseconds: number): void
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
interface Drawing<Input, Told> {
  readonly job: ReplyJob<Input, Told>
  /** Steps until the reply is as long as allowed that are not submitted yet. */
  stepsLeft: number
}

/** What the GPU has been given to do, and what to report to the jobs when it is done. */
interface InFlight {
  readonly isStep: boolean
  report(): Promise<void>
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
export class ReplyScheduler<Input = unknown, Told = unknown> {
  readonly #waiting: ReplyJob<Input, Told>[] = []
  /** By row, as the rows will be for the next step. */
  readonly #rows: Drawing<Input, Told>[] = []
  /** Those in rows, and those that left theirs and have steps in flight; not those that were told of their end. */
  readonly #unfinished = new Set<Drawing<Input, Told>>()
  /** Oldest first, which is the order in which the GPU gets done. */
  readonly #inFlight: InFlight[] = []
  #turn: Promise<unknown> = Promise.resolve()
  #looping = false
  #idleTimer: ReturnType<typeof setTimeout> | undefined

  constructor(
    readonly decoder: ReplyDecoder<Input, Told>,
    readonly options: SchedulerOptions,
  ) {}

  /**
   * Queues a reply.
   *
   * @throws QueueFullError
   */
  add(job: ReplyJob<Input, Told>): void {
    refuseBeyond(this.decoder.maxBatch, this.options.maxQueue, this.#rows, this.#waiting)
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
      await this.decoder.gpu.platform.rest(0)
      while (this.#waiting.length + this.#unfinished.size + this.#inFlight.length > 0) {
        await this.exclusive(async () => {
          await this.#dropAborted()
          while (this.#stepsInFlight() < this.options.stepsInFlight) {
            await this.#admit()
            if (this.#rows.length === 0) break
            await this.#submitStep()
          }
          await this.#inFlight.shift()?.report()
        })
      }
    } catch (error) {
      this.decoder.reset()
      const jobs = [...Array.from(this.#unfinished, ({ job }) => job), ...this.#waiting.splice(0)]
      this.#unfinished.clear()
      this.#rows.length = 0
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
    this.#idleTimer = setTimeout(shrink, this.options.idleMs ?? idleMs)
    this.#idleTimer.unref?.()
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

  /** Gives free rows to those that wait longest, as many as may be encoded before the next step. */
  async #admit(): Promise<void> {
    const candidates = this.#waiting.slice(0, this.decoder.maxBatch - this.#rows.length)
    const count = this.#rows.length === 0 ? candidates.length : this.#fitting(candidates)
    if (count === 0) return
    const jobs = this.#waiting.splice(0, count)
    const started = performance.now()
    try {
      const { told } = await this.decoder.start(jobs)
      const drawings = jobs.map((job) => ({ job, stepsLeft: Math.max(1, job.options.maxLength - 1) }))
      this.#rows.push(...drawings)
      for (const drawing of drawings) this.#unfinished.add(drawing)
      this.#inFlight.push({ isStep: false, report: async () => this.#reportEncoded(drawings, await told, started) })
    } catch (error) {
      // Those being drawn go on; where the GPU itself has ended, their next step says so.
      for (const job of jobs) job.failed(error)
    }
  }

  async #submitStep(): Promise<void> {
    const drawings = [...this.#rows]
    const { draws } = await this.decoder.submitStep()
    this.#inFlight.push({ isStep: true, report: async () => this.#reportDraws(drawings, await draws) })
    for (const drawing of drawings) {
      drawing.stepsLeft--
      if (drawing.stepsLeft === 0) await this.#release(drawing)
    }
  }

  async #reportEncoded(
    drawings: readonly Drawing<Input, Told>[],
    told: readonly Told[],
    started: number,
  ): Promise<void> {
    for (const [i, drawing] of drawings.entries()) {
      if (!this.#unfinished.has(drawing)) continue
      const { job } = drawing
      const thrown = thrownBy(() => job.encoded(told[i]!, performance.now() - started))
      if (thrown) await this.#fail(drawing, thrown.error)
    }
  }

  async #reportDraws(drawings: readonly Drawing<Input, Told>[], draws: readonly RowDraw[]): Promise<void> {
    for (const [row, drawing] of drawings.entries()) {
      const { job } = drawing
      // It ended earlier, or its signal says that it shall: then the next turn ends it.
      if (!this.#unfinished.has(drawing) || job.signal?.aborted) continue
      const { id, status } = draws[row]!
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

  async #fail(drawing: Drawing<Input, Told>, error: unknown): Promise<void> {
    await this.#leave(drawing)
    drawing.job.failed(error)
  }

  /** A reply ends; steps in flight count no more for it. */
  async #leave(drawing: Drawing<Input, Told>): Promise<void> {
    await this.#release(drawing)
    this.#unfinished.delete(drawing)
  }

  /** Frees the row that a reply may have; the reply of the last row takes it. */
  async #release(drawing: Drawing<Input, Told>): Promise<void> {
    const row = this.#rows.indexOf(drawing)
    if (row < 0) return
    await this.decoder.release(row)
    const last = this.#rows.pop()!
    if (row < this.#rows.length) this.#rows[row] = last
  }

  /** How many of these, from the first on, may be encoded before the next step; one at least. */
  #fitting(jobs: readonly ReplyJob<Input, Told>[]): number {
    let ids = 0
    const over = jobs.findIndex(({ input }) => {
      ids += this.decoder.model.size(input)
      return ids > maxEncodedIds
    })
    return over < 0 ? jobs.length : Math.max(1, over)
  }
}

/**
 * What is asked for beyond what may be drawn or wait is refused.
 *
 * @throws QueueFullError
 */
export function refuseBeyond(
  maxBatch: number,
  maxQueue: number,
  drawing: readonly { readonly job: Pick<ReplyJob, 'signal'> }[],
  jobs: readonly Pick<ReplyJob, 'signal'>[],
): void {
  // Those whose signal has stopped them are gone by the next turn.
  const drawn = drawing.filter(({ job }) => !job.signal?.aborted).length
  const waiting = jobs.filter((it) => !it.signal?.aborted).length
  if (drawn + waiting < maxBatch + maxQueue) return
  throw new QueueFullError(
    `${drawn} replies are being drawn and ${waiting} wait, with maxQueue ${maxQueue}: ` +
      'ask again when one of them has ended, or load the model with a larger maxQueue',
  )
}

/** Of logits that are not finite, or where all ids are forbidden. */
export const failedDraw =
  'the logits of a reply are not finite, or leave no id that may be drawn: check the checkpoint with misc validate'

/** What a caller's code throws; undefined where it goes well. */
export function thrownBy(work: () => void): { readonly error: unknown } | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return { error }
  }
}

function finish(job: Pick<ReplyJob, 'finished' | 'failed'>, reason: FinishReason): void {
  const thrown = thrownBy(() => job.finished(reason))
  if (thrown) job.failed(thrown.error)
}

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
