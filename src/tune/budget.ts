/** Time that may be spent on the GPU; only {@link spend} counts, not what happens in between. */
export class Budget {
  #spent = 0

  constructor(
    readonly ms: number,
    readonly now: () => number = () => performance.now(),
  ) {}

  get spent(): number {
    return this.#spent
  }

  /** Whether work that is expected to take so long still fits. */
  fits(ms: number): boolean {
    return this.#spent + ms <= this.ms
  }

  /** Does the work and counts its time. */
  async spend<T>(work: () => Promise<T>): Promise<T> {
    const started = this.now()
    try {
      return await work()
    } finally {
      this.#spent += this.now() - started
    }
  }
}
