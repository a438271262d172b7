import type { AnswerWatch } from './comet.js'
import type { InferenceTimings, ReplyTimings } from './reply.js'

/** Takes the times of one reply. */
export class ReplyTimer implements AnswerWatch {
  readonly #started = performance.now()
  #readMs = Number.NaN
  #encodeMs = Number.NaN
  /** When the parts of inferring blocks ended. */
  readonly #inferred: { -readonly [Part in keyof InferenceTimings]?: number } = {}
  readonly #draws: number[] = []

  /** Post and situation become queries each for itself, and are searched for together. */
  queried(): void {
    this.#inferred.queries = performance.now()
  }

  stepped(): void {
    this.#inferred.tailsStart ??= performance.now()
  }

  found(): void {
    this.#inferred.tailsSteps = performance.now()
  }

  /** The dialogue has its blocks, which did not come with it. */
  written(): void {
    this.#inferred.blocks = performance.now()
  }

  /** The dialogue is turned into ids. */
  read(): void {
    this.#readMs = performance.now() - this.#started
  }

  encoded(milliseconds: number): void {
    this.#encodeMs = milliseconds
  }

  drawn(): void {
    this.#draws.push(performance.now())
  }

  timings(): ReplyTimings {
    const gaps = this.#draws.slice(1).map((time, i) => time - this.#draws[i]!)
    gaps.sort((a, b) => a - b)
    return {
      readMs: this.#readMs,
      inferMs: this.#inferMs(),
      encodeMs: this.#encodeMs,
      firstTokenMs: (this.#draws[0] ?? Number.NaN) - this.#started,
      perTokenMs: { median: quantile(gaps, 0.5), p95: quantile(gaps, 0.95) },
    }
  }

  /** Each part lasts from the end of the one before it. */
  #inferMs(): InferenceTimings {
    let before = this.#started
    const since = (end = before) => {
      const milliseconds = Math.max(0, end - before)
      before += milliseconds
      return milliseconds
    }
    const { queries, tailsStart, tailsSteps, blocks } = this.#inferred
    return {
      queries: since(queries),
      tailsStart: since(tailsStart),
      tailsSteps: since(tailsSteps),
      blocks: since(blocks),
    }
  }
}

/** The value at a fraction of sorted numbers, the nearest rank; NaN of none. */
function quantile(sorted: readonly number[], fraction: number): number {
  return sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? Number.NaN
}
