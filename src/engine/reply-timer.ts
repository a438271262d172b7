import type { ReplyTimings } from './reply.js'

/** Takes the times of one reply. */
export class ReplyTimer {
  readonly #started = performance.now()
  #readMs = Number.NaN
  #encodeMs = Number.NaN
  readonly #draws: number[] = []

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
      encodeMs: this.#encodeMs,
      firstTokenMs: (this.#draws[0] ?? Number.NaN) - this.#started,
      perTokenMs: { median: quantile(gaps, 0.5), p95: quantile(gaps, 0.95) },
    }
  }
}

/** The value at a fraction of sorted numbers, the nearest rank; NaN of none. */
function quantile(sorted: readonly number[], fraction: number): number {
  return sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? Number.NaN
}
