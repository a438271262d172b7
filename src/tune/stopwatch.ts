import type { Gpu } from '../gpu/gpu.js'
import { Profiler } from '../gpu/profiler.js'
import type { Recording } from '../gpu/recording.js'

/** Times recordings: by timestamps where the device has them, else from submit to completion. */
export class Stopwatch {
  readonly #profiler: Profiler | undefined
  #timestamps: boolean

  constructor(readonly gpu: Gpu) {
    this.#timestamps = Profiler.supports(gpu)
    this.#profiler = this.#timestamps ? new Profiler(gpu) : undefined
  }

  /** Runs a recording and waits for it; milliseconds. */
  async time(recording: Recording): Promise<number> {
    if (this.#profiler && this.#timestamps) {
      const kernels = await this.#profiler.submit([recording])
      const ms = kernels.reduce((sum, it) => sum + it.ms, 0)
      // Drivers are known whose timestamps stand still.
      if (ms > 0) return ms
      this.#timestamps = false
    }
    const started = performance.now()
    this.gpu.submit([recording])
    await this.gpu.idle()
    return performance.now() - started
  }

  dispose(): void {
    this.#profiler?.dispose()
  }
}
