import type { Gpu } from '../gpu/gpu.js'
import { Recorder, type Recording } from '../gpu/recorder.js'
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

  /** Records a forward pass, and waits for its kernels. Once it is submitted for the last time, `scratch.release()`. */
  async record<Result>(
    forward: (pass: Pass<Weights>) => Result,
    label?: string,
  ): Promise<{ readonly result: Result; readonly recording: Recording }> {
    const { scratch, weights } = this
    const recorder = new Recorder(this.gpu)
    const result = forward({ recorder, scratch, weights })
    return { result, recording: await recorder.finish(label) }
  }

  /** Records a forward pass and submits it, once. Await it before the next: both use the same memory. */
  async submit<Result>(forward: (pass: Pass<Weights>) => Result, label?: string): Promise<Result> {
    try {
      const { result, recording } = await this.record(forward, label)
      this.gpu.submit([recording])
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
