import type { Gpu } from '../gpu/gpu.js'
import type { Recorder } from '../gpu/recorder.js'
import { sizeOf, type Tensor } from '../gpu/tensor.js'
import type { Trace } from '../nn/pass.js'

/** Keeps copies of the stages that a recording computes, since later stages reuse their memory. */
export class Capture {
  readonly #copies = new Map<string, Tensor>()

  constructor(
    readonly gpu: Gpu,
    readonly wanted: ReadonlySet<string>,
  ) {}

  /** Records a copy of every wanted stage. */
  trace(recorder: Recorder): Trace {
    return (stage, tensor, rows) => {
      if (!this.wanted.has(stage)) return
      const shape = [rows, ...tensor.shape.slice(1)]
      const copy = this.gpu.tensor(stage, shape)
      this.#copies.set(stage, copy)
      recorder.copy(tensor, copy, sizeOf(shape))
    }
  }

  /** The values that the stages had when the recording ran last. */
  async read(): Promise<Map<string, Float32Array>> {
    const values = new Map<string, Float32Array>()
    for (const [stage, tensor] of this.#copies) values.set(stage, await this.gpu.readF32(tensor))
    return values
  }

  dispose(): void {
    this.gpu.free(...this.#copies.values())
  }
}
