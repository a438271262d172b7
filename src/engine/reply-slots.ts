import type { ResolvedOptions } from '../generation/options.js'
import type { TokenRules } from '../generation/token-rules.js'
import type { Gpu, Readback } from '../gpu/gpu.js'
import type { Recorder } from '../gpu/recorder.js'
import type { Recording } from '../gpu/recording.js'
import { copySlot, largestPart, type SlotTensors } from '../gpu/slots.js'
import type { Tensor } from '../gpu/tensor.js'
import { DecoderState, decode } from '../models/misc/decoder.js'
import type { MiscWeights } from '../models/misc/layout.js'
import type { Trace } from '../nn/pass.js'
import { Run } from '../nn/run.js'
import { logitsProcessors } from '../ops/logits-processors.js'
import { type RuleWords, ruleWords } from '../ops/rule-words.js'
import { sample } from '../ops/sample.js'
import { type RowDraw, readDraws, type SamplingRows, samplingRows, startRow } from '../ops/sampling-rows.js'

/** A step that the GPU has still to do. */
export interface StepInFlight {
  /** By slot, as the slots were when the step was submitted. */
  readonly draws: Promise<RowDraw[]>
}

/**
 * Everything on the GPU that a number of replies need while they are drawn: the decoder's caches, how each is drawn, and a
 * recording of the decode step for every number of replies that occurs. Made once; a step makes nothing but its command
 * buffer.
 */
export class ReplySlots implements SlotTensors {
  readonly state: DecoderState
  readonly sampling: SamplingRows
  /** The rules that all replies keep to. */
  readonly rules: RuleWords
  /** What a copy from slot to slot goes by. */
  readonly #between: Tensor
  /** Those that no step in flight uses: as many are made as steps are ever in flight at once. */
  readonly #readbacks: Readback[] = []
  #readbackCount = 0
  readonly #recordings = new Map<number, Promise<Recording>>()
  readonly #run: Run<MiscWeights>
  #disposed = false

  constructor(
    readonly gpu: Gpu,
    readonly weights: MiscWeights,
    readonly slots: number,
    rules: TokenRules,
  ) {
    const { maxPositions } = weights.config
    this.state = new DecoderState(gpu, weights, slots)
    this.#run = new Run(gpu, weights, slots)
    // The processors may see the context before the reply, and the reply has an id more than the decoder reads.
    this.sampling = samplingRows(gpu, slots, 2 * maxPositions + 1)
    this.rules = ruleWords(gpu, rules)
    this.#between = gpu.tensor('slots.between', [Math.ceil(largestPart(this) / 4)])
  }

  get slotTensors(): Tensor[] {
    return [...this.state.slotTensors, ...Object.values(this.sampling)]
  }

  /** Starts a reply in a slot whose dialogue is encoded. */
  start(slot: number, options: ResolvedOptions, history: readonly number[]): void {
    startRow(this.gpu, this.sampling, slot, options, history)
  }

  /** Takes over a reply from another slot, of these or of others. Records the copies. */
  copySlot(recorder: Recorder, source: ReplySlots, from: number, to: number): void {
    copySlot(recorder, source, this, from, to, this.#between)
    this.state.adoptSources(source.state, from, to)
  }

  /**
   * Makes what the steps of so many replies need, so that they make nothing.
   *
   * @param outgrown slots whose replies move here: as many steps may be in flight as with those.
   * @throws OutOfMemoryError
   */
  async prepare(count: number, outgrown: ReplySlots = this): Promise<void> {
    await this.recording(count)
    await this.#makeReadbacks(Math.max(1, outgrown.#readbackCount) - this.#readbackCount)
  }

  /** One id more for the first `count` slots. */
  async step(count: number): Promise<RowDraw[]> {
    return (await this.submitStep(count)).draws
  }

  /**
   * Submits one id more for the first `count` slots. The next step may be submitted before these draws are there: it
   * reads them on the GPU. Await this before anything else is submitted.
   */
  async submitStep(count: number): Promise<StepInFlight> {
    const recording = await this.recording(count).catch((error) => this.#recordingOfMore(count, error))
    if (this.#readbacks.length === 0) await this.#makeReadbacks(1)
    const readback = this.#readbacks.pop()!
    this.gpu.submit([recording], [readback])
    const draws = readback.read().then((state) => {
      if (this.#disposed) readback.dispose()
      else this.#readbacks.push(readback)
      return readDraws(state as Uint32Array, count)
    })
    // Whoever awaits the draws sees the failure when it gets there.
    draws.catch(() => {})
    return { draws }
  }

  async #makeReadbacks(count: number): Promise<void> {
    if (count <= 0) return
    const readbacks = await this.gpu.scoped('the draws of replies', () =>
      Array.from({ length: count }, () => this.gpu.readback(this.sampling.state)),
    )
    this.#readbacks.push(...readbacks)
    this.#readbackCount += count
  }

  /** A recorded step of more slots, which serves fewer: replies do not end because others did, for want of memory. */
  #recordingOfMore(count: number, error: unknown): Promise<Recording> {
    const more = Math.min(...[...this.#recordings.keys()].filter((it) => it > count))
    const recording = this.#recordings.get(more)
    if (!recording) throw error
    this.#recordings.set(count, recording)
    return recording
  }

  /** The decode step of the first `count` slots, as it was recorded the first time. */
  recording(count: number): Promise<Recording> {
    let recording = this.#recordings.get(count)
    if (!recording) {
      recording = this.record(count)
      this.#recordings.set(count, recording)
      // What there was no memory for may find some later.
      recording.catch(() => this.#recordings.delete(count))
    }
    return recording
  }

  /** Records: the decoder on the ids drawn last, the score processors, the draw. */
  async record(count: number, trace?: (recorder: Recorder) => Trace): Promise<Recording> {
    const { state, sampling, rules } = this
    const { ids, positions } = sampling
    const { recording } = await this.#run.record((pass) => {
      const { recorder } = pass
      const traced = trace ? { ...pass, trace: trace(recorder) } : pass
      const logits = decode(traced, state, { slots: count, newRows: 1, ids, positions, lengths: positions })
      logitsProcessors(recorder, logits, sampling, rules, count)
      sample(recorder, logits, sampling, rules, count)
    }, 'a decode step')
    return recording
  }

  /** Frees everything. Steps in flight still give their draws. */
  dispose(): void {
    this.#disposed = true
    for (const recording of this.#recordings.values()) {
      recording.then(
        (it) => it.dispose(),
        () => {},
      )
    }
    for (const readback of this.#readbacks) readback.dispose()
    this.gpu.free(...Object.values(this.sampling), this.rules.words, this.#between)
    this.#run.dispose()
    this.state.dispose()
  }
}
