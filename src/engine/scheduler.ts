import { GpuError } from '../errors.js'
import type { FinishReason } from '../generation/finish.js'
import type { Gpu } from '../gpu/gpu.js'
import { rowStatus } from '../ops/sampling-rows.js'
import { readMixtures } from './read-mixtures.js'
import type { StrategyMixture } from './reply.js'
import type { ReplyDecoder, ReplyStart } from './reply-decoder.js'

/** Replies drawn together, at most: more of them wait for a slot. */
const maxSlots = 16

/** A reply on its way. The scheduler calls back as it goes. */
export interface ReplyJob extends ReplyStart {
  readonly signal?: AbortSignal | undefined
  encoded(strategy: StrategyMixture, milliseconds: number): void
  /** An id was drawn; EOS is not told. */
  drawn(id: number): void
  finished(reason: FinishReason): void
  failed(error: unknown): void
}

/**
 * Shares the GPU among the replies asked for: those that wait are encoded together as slots become free, all running ones
 * gain an id at every step, and those that end make room between steps.
 */
export class ReplyScheduler {
  readonly #waiting: ReplyJob[] = []
  /** By slot. */
  readonly #running: ReplyJob[] = []
  #turn: Promise<unknown> = Promise.resolve()
  #looping = false

  constructor(
    readonly gpu: Gpu,
    readonly decoder: ReplyDecoder,
  ) {}

  /** Queues a reply. */
  add(job: ReplyJob): void {
    this.#waiting.push(job)
    if (!this.#looping) void this.#loop()
  }

  /** Does work with the encoder's memory while no step or encoding is under way. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => {})
    return result
  }

  async #loop(): Promise<void> {
    this.#looping = true
    try {
      // Replies asked for in the same turn of the event loop are encoded together.
      await new Promise((resolve) => setImmediate(resolve))
      while (this.#waiting.length + this.#running.length > 0) {
        await this.exclusive(async () => {
          await this.#admit()
          await this.#dropAborted()
          if (this.#running.length > 0) await this.#step()
        })
      }
    } catch (error) {
      this.decoder.reset()
      for (const job of [...this.#running.splice(0), ...this.#waiting.splice(0)]) job.failed(error)
    } finally {
      this.#looping = false
    }
  }

  async #admit(): Promise<void> {
    for (const job of this.#waiting.splice(0)) {
      if (job.signal?.aborted) job.finished('aborted')
      else this.#waiting.push(job)
    }
    const jobs = this.#waiting.splice(0, maxSlots - this.#running.length)
    if (jobs.length === 0) return
    const started = performance.now()
    try {
      const mixtures = await this.decoder.start(jobs, ({ strategy }) => readMixtures(this.gpu, strategy, jobs.length))
      this.#running.push(...jobs)
      for (const [i, job] of jobs.entries()) job.encoded(mixtures![i]!, performance.now() - started)
    } catch (error) {
      // Those already running go on; where the GPU itself has ended, their next step says so.
      for (const job of jobs) job.failed(error)
    }
  }

  /** Ends the running replies whose signal says so, from the last slot down as in {@link #step}. */
  async #dropAborted(): Promise<void> {
    for (let slot = this.#running.length - 1; slot >= 0; slot--) {
      const job = this.#running[slot]!
      if (!job.signal?.aborted) continue
      await this.#release(slot)
      job.finished('aborted')
    }
  }

  async #step(): Promise<void> {
    const draws = await this.decoder.step()
    // From the last slot down: a slot that becomes free takes a reply that had its turn.
    for (let slot = draws.length - 1; slot >= 0; slot--) {
      const { id, status } = draws[slot]!
      const job = this.#running[slot]!
      // What is drawn after the signal is not told; the next turn ends the reply.
      if (job.signal?.aborted) continue
      if (status !== rowStatus.failed && status !== rowStatus.stop) job.drawn(id)
      if (status === rowStatus.running) continue
      await this.#release(slot)
      if (status === rowStatus.failed) {
        job.failed(new GpuError('the logits of a reply are no numbers: check the checkpoint with misc validate'))
      } else job.finished(status === rowStatus.stop ? 'stop' : 'length')
    }
  }

  async #release(slot: number): Promise<void> {
    await this.decoder.release(slot)
    const last = this.#running.pop()!
    if (slot < this.#running.length) this.#running[slot] = last
  }
}
