import { ReplySlots } from '../engine/reply-slots.js'
import { tokenRules } from '../generation/token-rules.js'
import type { Gpu } from '../gpu/gpu.js'
import type { Recorder } from '../gpu/recorder.js'
import type { Tensor } from '../gpu/tensor.js'
import type { Model, ModelConfig } from '../models/model.js'
import { Capture } from '../nn/capture.js'
import { wholeSequences } from '../nn/kv-cache.js'
import type { Pass, Trace } from '../nn/pass.js'
import { Run } from '../nn/run.js'
import { DecoderRows } from './decoder-rows.js'
import type { CaseInputs } from './reference-case.js'

/** Values of stages by name, rows of padding left out. */
export type StageValues = ReadonlyMap<string, Float32Array>

/** What of a pass is looked at. */
export interface PassOptions {
  /** Stages to keep; default: all that are told of. */
  readonly wanted?: ReadonlySet<string>
  /** Values that what comes after a stage reads in the place of those computed. */
  readonly instead?: StageValues | undefined
  readonly observer?: PassObserver
}

/** Looks on while a pass is recorded: all of it, or where the decoder goes id by id the step that is run again and again. */
export interface PassObserver {
  /** Called before anything is dispatched. */
  observe(recorder: Recorder): void
  /** Called when a stage is told of. */
  stage(name: string): void
}

/** The references forbid the added ids of the authors' program, whatever the vocabulary. */
export const referenceRules = (config: ModelConfig) => tokenRules(config, 54944)

/** The inputs of a case on the GPU, to be run in either of two ways: the decoder in one pass, or id by id. */
export class CaseRun {
  readonly #run: Run<unknown>
  /** As many slots as there are inputs, with all ids allowed. */
  readonly slots: ReplySlots
  readonly rows: DecoderRows

  constructor(
    readonly gpu: Gpu,
    readonly model: Model,
    readonly inputs: CaseInputs,
  ) {
    this.#run = new Run(gpu, model.weights)
    this.slots = new ReplySlots(gpu, model, inputs.inputs.length, tokenRules(model.config))
    this.rows = new DecoderRows(inputs.decoderIds)
  }

  /** Encoders, and the decoder over all ids at once. */
  async full({ wanted, instead, observer }: PassOptions = {}): Promise<StageValues> {
    const { decoderIds, decoderPositions } = this.inputs
    const given = (stage: string, size: number) => {
      const values = instead?.get(stage)
      const padded = values && this.rows.padded(stage, values)
      return padded?.length === size ? padded : undefined
    }
    const capture = new Capture(this.gpu, wanted, instead && given)
    try {
      // Blocks that are kept from before would not be computed.
      if (observer) this.model.forget()
      await this.#run.submit((pass) => {
        observer?.observe(pass.recorder)
        const trace = observed(capture.trace(pass.recorder), observer)
        const traced = { ...pass, settled: instead !== undefined, trace }
        this.#start(traced, this.slots)
        this.#teacherForce(traced, decoderIds, decoderPositions)
      })
      return this.rows.withoutPadding(await capture.read())
    } finally {
      capture.dispose()
    }
  }

  /**
   * Encoders, and the decoder id by id.
   *
   * @param steps ends after so many; default: all
   */
  async cached({ wanted, instead, observer }: PassOptions = {}, steps = this.rows.longest): Promise<StageValues> {
    const { gpu, model, slots } = this
    const settled = instead !== undefined
    const batch = this.inputs.inputs.length
    let step = 0
    const whole = (stage: string, size: number) => {
      const values = instead?.get(stage)
      return values?.length === size ? values : undefined
    }
    const ofStep = (stage: string, size: number) => {
      const values = instead?.get(stage)
      return values && this.rows.at(step, stage, values, size)
    }
    const encoder = new Capture(gpu, wanted, settled ? whole : undefined)
    const decoder = new Capture(gpu, wanted, settled ? ofStep : undefined)
    const recording = await slots.record(batch, (recorder) => {
      observer?.observe(recorder)
      return { settled, trace: observed(decoder.trace(recorder), observer) }
    })
    try {
      model.forget()
      await this.#run.submit((pass) => this.#start({ ...pass, settled, trace: encoder.trace(pass.recorder) }, slots))
      const { ids, lengths, positions } = slots.sampling
      const { decoderIds, decoderPositions } = this.inputs
      const write = (tensor: Tensor, values: readonly number[]) => gpu.write(tensor, Uint32Array.from(values))
      const told: Map<string, Float32Array>[] = []
      for (; step < steps; step++) {
        decoder.renew()
        // A row that has ended goes on with some id: what is computed of it is left out.
        write(
          ids,
          decoderIds.map((row) => row[step] ?? 0),
        )
        write(
          positions,
          decoderIds.map((_, b) => decoderPositions?.[b]?.[step] ?? step),
        )
        write(lengths, new Array<number>(batch).fill(step))
        gpu.submit([recording])
        told.push(await decoder.read())
      }
      const stages = await encoder.read()
      // Of some steps alone nothing is made.
      if (steps < this.rows.longest) return stages
      for (const name of told[0]!.keys()) stages.set(name, this.rows.bySequence(told.map((it) => it.get(name)!)))
      return this.rows.withoutPadding(stages)
    } finally {
      encoder.dispose()
      decoder.dispose()
      recording.dispose()
    }
  }

  /** Logits of other ids than the case's, all in one pass: [inputs · the longest row, V]. */
  async logitsOf(ids: readonly (readonly number[])[]): Promise<Float32Array> {
    const capture = new Capture(this.gpu, new Set(['logits']))
    try {
      await this.#run.submit((pass) => {
        this.#start(pass, this.slots)
        this.#teacherForce({ ...pass, trace: capture.trace(pass.recorder) }, ids)
      })
      return (await capture.read()).get('logits')!
    } finally {
      capture.dispose()
    }
  }

  /** Encodes the inputs into some slots, from which replies are then drawn. */
  async encode(slots: ReplySlots): Promise<void> {
    await this.#run.submit((pass) => this.#start(pass, slots))
  }

  dispose(): void {
    this.slots.dispose()
    this.#run.dispose()
  }

  #start(pass: Pass, slots: ReplySlots): void {
    const { inputs } = this.inputs
    this.model.start(pass, inputs, slots.cache, [...inputs.keys()])
  }

  #teacherForce(pass: Pass, ids: readonly (readonly number[])[], positions?: readonly (readonly number[])[]): void {
    this.model.step(pass, this.slots.cache, wholeSequences(pass.scratch, ids, [...ids.keys()], positions))
  }
}

const observed = (trace: Trace, observer?: PassObserver): Trace =>
  observer
    ? (stage, tensor, rows) => {
        observer.stage(stage)
        trace(stage, tensor, rows)
      }
    : trace
