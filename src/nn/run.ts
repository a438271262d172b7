import type { Gpu, Readback } from '../gpu/gpu.js'
import { Recorder } from '../gpu/recorder.js'
import type { Recording } from '../gpu/recording.js'
import { Scratch } from '../gpu/scratch.js'
import type { Pass } from './pass.js'

/** The run state of a model, beside its config and weights: working memory, and the recording of what uses it. */
export class Run<Weights> {
  readonly scratch: Scratch

  /** @param leastRows rows that working memory has from the start: see {@link Scratch}. */
  constructor(
    readonly gpu: Gpu,
    readonly weights: Weights,
    leastRows?: number,
  ) {
    this.scratch = new Scratch(gpu, leastRows)
  }

  /**
   * Records a forward pass, and waits for its kernels. Once it is submitted for the last time, `scratch.release()`.
   *
   * @param label what is recorded, for messages.
   * @throws OutOfMemoryError where there is no working memory for it.
   */
  async record<Result>(
    forward: (pass: Pass<Weights>) => Result,
    label = 'a forward pass',
  ): Promise<{ readonly result: Result; readonly recording: Recording }> {
    const { scratch, weights } = this
    const recorder = new Recorder(this.gpu)
    const result = await this.gpu.scoped(label, () => forward({ recorder, scratch, weights }))
    return { result, recording: await recorder.finish(label) }
  }

  /**
   * Records a forward pass and submits it, once, and with it what is to be read back of its result. Await it before the next:
   * both use the same memory.
   */
  async submit<Result>(
    forward: (pass: Pass<Weights>) => Result,
    label?: string,
    readbacks?: (result: Result) => readonly Readback[],
  ): Promise<Result> {
    try {
      const { result, recording } = await this.record(forward, label)
      this.gpu.submit([recording], readbacks?.(result))
      recording.dispose()
      return result
    } finally {
      this.scratch.release()
    }
  }

  dispose(): void {
    this.scratch.dispose()
  }
}
