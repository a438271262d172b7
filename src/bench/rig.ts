import { ReplySlots, type StepInFlight } from '../engine/reply-slots.js'
import { defaultStepsInFlight } from '../engine/scheduler.js'
import { GpuError } from '../errors.js'
import { tokenRules } from '../generation/token-rules.js'
import type { Gpu } from '../gpu/gpu.js'
import type { Recording } from '../gpu/recording.js'
import type { Model } from '../models/model.js'
import type { ModelDescription } from '../models/registry.js'
import type { Pass } from '../nn/pass.js'
import { Run } from '../nn/run.js'
import { rowStatus } from '../ops/sampling-rows.js'
import { drawOptions, randomIds, type Workload } from './workload.js'

/** A part of what comes before the first step, by its name in the report. */
export type StartPart = readonly [name: string, run: () => Promise<unknown>]

/** A workload's inputs on the GPU, and all that the engine does with them, a part at a time so that it can be timed. */
export class BenchRig<Made extends Model = Model> {
  readonly inputs: readonly unknown[]
  readonly slots: ReplySlots
  /** Milliseconds that {@link run} has waited for kernels to compile. */
  compileMs = 0
  readonly stepsInFlight: number
  readonly #run: Run<Made['weights']>

  /** @param model is not the rig's own: it may have several. */
  constructor(
    readonly gpu: Gpu,
    readonly model: Made,
    readonly description: ModelDescription,
    readonly workload: Workload,
  ) {
    this.stepsInFlight = defaultStepsInFlight(gpu.adapter)
    this.inputs = this.makeInputs()
    this.slots = new ReplySlots(gpu, model, workload.batch, tokenRules(model.config))
    this.#run = new Run(gpu, model.weights)
  }

  /** The same model at other work. */
  at(workload: Workload): BenchRig {
    return new BenchRig(this.gpu, this.model, this.description, workload)
  }

  /** Of random ids, the same for the same seed. */
  protected makeInputs(): readonly unknown[] {
    const { batch, context, seed } = this.workload
    const ids = randomIds(seed, this.model.config.vocabSize)
    return Array.from({ length: batch }, () => this.model.usualInput(context, ids))
  }

  /** Records, waits for the kernels where they are new, submits and waits for the result. */
  async run<T>(record: (pass: Pass<Made['weights']>) => T): Promise<T> {
    return this.record(record, async (recording) => {
      this.gpu.submit([recording])
      await this.gpu.idle()
    })
  }

  /** As {@link run}, but the caller submits. */
  async record<T>(
    record: (pass: Pass<Made['weights']>) => T,
    submit: (recording: Recording) => Promise<void>,
  ): Promise<T> {
    let recorded = 0
    const { result, recording } = await this.#run.record((pass) => {
      const value = record(pass)
      recorded = performance.now()
      return value
    })
    this.compileMs += performance.now() - recorded
    await submit(recording)
    recording.dispose()
    this.#run.scratch.release()
    return result
  }

  /** Records what the suite `encode` times as a whole. */
  encode(pass: Pass<Made['weights']>): unknown {
    return this.#start(pass)
  }

  /** All that comes before the first step, in one submission as the engine does it, with nothing kept of earlier inputs. */
  async start(): Promise<void> {
    this.model.forget()
    await this.run((pass) => this.#start(pass))
    this.startRows()
  }

  /** The same taken apart; after them replies may be drawn. */
  startParts(): readonly StartPart[] {
    return [['encode', () => this.start()]]
  }

  /** One id more for every reply: decoder, processors, draw, and the ids read back. */
  async step(): Promise<void> {
    await this.draw(1)
  }

  /**
   * So many ids more for every reply, the steps submitted ahead of the readback as the engine does it.
   *
   * @returns milliseconds from one step's ids to the next.
   */
  async draw(count: number): Promise<number[]> {
    const inFlight: StepInFlight[] = []
    const gaps: number[] = []
    let submitted = 0
    let last = performance.now()
    while (gaps.length < count) {
      for (; submitted < count && inFlight.length < this.stepsInFlight; submitted++) {
        inFlight.push(await this.slots.submitStep(this.workload.batch))
      }
      const draws = await inFlight.shift()!.draws
      if (draws.some(({ status }) => status === rowStatus.failed)) {
        throw new GpuError('the scores of a step are no finite numbers: check the model with misc validate')
      }
      const now = performance.now()
      gaps.push(now - last)
      last = now
    }
    return gaps
  }

  /** Every reply begins anew, with the inputs that are read. */
  startRows(): void {
    for (const [slot, input] of this.inputs.entries()) {
      const first = this.model.first(input)
      this.slots.start(slot, drawOptions(this.workload), [first.id], first)
    }
  }

  dispose(): void {
    this.slots.dispose()
    this.#run.dispose()
  }

  #start(pass: Pass<Made['weights']>): unknown {
    return this.model.start(pass, this.inputs, this.slots.cache, [...this.inputs.keys()])
  }
}
