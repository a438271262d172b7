import type { Gpu } from '../gpu/gpu.js'
import type { Recorder } from '../gpu/recorder.js'
import { sizeOf, type Tensor } from '../gpu/tensor.js'
import type { Trace } from './pass.js'

/** Keeps copies of the stages that a recording computes, since later stages reuse their memory. */
export class Capture {
  readonly #copies = new Map<string, Tensor>()
  readonly #given = new Map<string, Tensor>()

  /**
   * @param wanted stages to keep; default: all
   * @param instead a stage's values that what comes after it reads in the place of those computed,
   *   for a {@link Pass.settled} pass
   */
  constructor(
    readonly gpu: Gpu,
    readonly wanted?: Pick<ReadonlySet<string>, 'has'>,
    readonly instead?: (stage: string, size: number) => Float32Array | undefined,
  ) {}

  /** Records a copy of every wanted stage. */
  trace(recorder: Recorder): Trace {
    return (stage, tensor, rows) => {
      if (this.wanted && !this.wanted.has(stage)) return
      const shape = [rows, ...tensor.shape.slice(1)]
      const copy = this.gpu.tensor(stage, shape)
      this.#copies.set(stage, copy)
      recorder.copy(tensor, copy, sizeOf(shape))
      const values = this.instead?.(stage, sizeOf(shape))
      if (!values) return
      const given = this.gpu.tensor(`${stage}, given`, shape)
      this.#given.set(stage, given)
      this.gpu.write(given, values)
      recorder.copy(given, tensor, sizeOf(shape))
    }
  }

  /** What is read instead of a stage's values is asked for anew: of a recording that runs again. */
  renew(): void {
    for (const [stage, given] of this.#given) this.gpu.write(given, this.instead!(stage, sizeOf(given.shape))!)
  }

  /** The values that the stages had when the recording ran last. */
  async read(): Promise<Map<string, Float32Array>> {
    const values = new Map<string, Float32Array>()
    for (const [stage, tensor] of this.#copies) values.set(stage, await this.gpu.readF32(tensor))
    return values
  }

  dispose(): void {
    this.gpu.free(...this.#copies.values(), ...this.#given.values())
  }
}
