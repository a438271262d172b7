import type { Gpu } from '../gpu/gpu.js'
import type { Model } from '../models/model.js'
import type { KvCache } from '../nn/kv-cache.js'
import { Run } from '../nn/run.js'

/** Inputs that the GPU has still to read. */
export interface EncodingInFlight<Told> {
  /** What the model tells of each. */
  readonly told: Promise<Told[]>
}

/** Has a model read inputs, batch after batch, in working memory of its own. */
export class InputReader<Input = unknown, Told = unknown> {
  readonly run: Run<unknown>

  constructor(
    readonly gpu: Gpu,
    readonly model: Model<Input, Told>,
  ) {
    this.run = new Run(gpu, model.weights)
  }

  /**
   * Reads inputs into slots of any cache. Only submits: await it before the next.
   *
   * @throws OutOfMemoryError
   */
  async encode(inputs: readonly Input[], cache: KvCache, slots: readonly number[]): Promise<EncodingInFlight<Told>> {
    const { gpu, model } = this
    try {
      const { read, readbacks } = await this.run.submit(
        (pass) => {
          const { tensors, read } = model.start(pass, inputs, cache, slots)
          return { read, readbacks: tensors.map((it) => gpu.readback(it)) }
        },
        'encoding a dialogue',
        ({ readbacks }) => readbacks,
      )
      const told = Promise.all(readbacks.map((it) => it.read() as Promise<Float32Array>))
        .then(read)
        .finally(() => {
          for (const it of readbacks) it.dispose()
        })
      // Whoever awaits it sees the failure when it gets there.
      told.catch(() => {})
      return { told }
    } catch (error) {
      model.forget()
      throw error
    }
  }

  /** Frees the model's own memory and the working memory; not the weights. */
  dispose(): void {
    this.model.dispose()
    this.run.dispose()
  }
}
