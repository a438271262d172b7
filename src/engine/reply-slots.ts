import type { ResolvedOptions } from '../generation/options.js'
import type { TokenRules } from '../generation/token-rules.js'
import type { Gpu, Readback } from '../gpu/gpu.js'
import type { Recorder } from '../gpu/recorder.js'
import type { Recording } from '../gpu/recording.js'
import { copySlot, largestPart } from '../gpu/slots.js'
import type { Tensor } from '../gpu/tensor.js'
import type { FirstId, Model } from '../models/model.js'
import type { KvCache } from '../nn/kv-cache.js'
import type { Pass } from '../nn/pass.js'
import { Run } from '../nn/run.js'
import { logitsProcessors } from '../ops/logits-processors.js'
import { type RuleWords, ruleWords } from '../ops/rule-words.js'
import { sample } from '../ops/sample.js'
import { type RowDraw, readDraws, type SamplingRows, samplingRows, startRow } from '../ops/sampling-rows.js'
import { StepRecordings } from './step-recordings.js'

/** A step that the GPU has still to do. */
export interface StepInFlight {
  /** By row, as the rows were when the step was submitted. */
  readonly draws: Promise<RowDraw[]>
}

/**
 * Everything on the GPU that a number of replies need while they are drawn: the decoder's cache, how each is drawn, and a
 * recording of the decode step for every number of replies that occurs. Made once; a step makes nothing but its command
 * buffer.
 *
 * A reply is a row of the step, and has a slot of the cache. Rows 0 … n − 1 are in use; they move, and their slots do not.
 */
export class ReplySlots {
  readonly cache: KvCache
  readonly sampling: SamplingRows
  /** The rules that all replies keep to. */
  readonly rules: RuleWords
  /** The row table: the slot of each row, each slot once. */
  readonly #slotOf: number[]
  readonly #table: Tensor
  /** What a copy from row to row goes by. */
  readonly #between: Tensor
  /** Those that no step in flight uses: as many are made as steps are ever in flight at once. */
  readonly #readbacks: Readback[] = []
  #readbackCount = 0
  readonly #recordings = new StepRecordings((count) => this.record(count))
  readonly #run: Run<unknown>
  #disposed = false

  constructor(
    readonly gpu: Gpu,
    readonly model: Model,
    /** How many there are, of rows and of slots. */
    readonly slots: number,
    rules: TokenRules,
  ) {
    const { maxPositions } = model.config
    this.cache = model.createCache({ slots })
    this.#run = new Run(gpu, model.weights, slots)
    // The processors may see the context before the reply, and the reply has an id more than the decoder reads.
    this.sampling = samplingRows(gpu, slots, 2 * maxPositions + 1)
    this.rules = ruleWords(gpu, rules)
    this.#slotOf = [...Array(slots).keys()]
    this.#table = gpu.tensorFrom('slots.table', [slots], Uint32Array.from(this.#slotOf))
    this.#between = gpu.tensor('slots.between', [Math.ceil(largestPart(this.#rows) / 4)])
  }

  /** Bytes of the largest part that a reply has of a tensor. */
  get largestPart(): number {
    return Math.max(largestPart(this.cache), largestPart(this.#rows))
  }

  /** What moves with a row. */
  get #rows() {
    return { slots: this.slots, slotTensors: Object.values(this.sampling) }
  }

  /** The slot of a row, where what its reply is to read must be. */
  slotOf(row: number): number {
    return this.#slotOf[row]!
  }

  /** Starts a reply in a row whose input is read. */
  start(
    row: number,
    options: ResolvedOptions,
    history: readonly number[],
    first?: Omit<FirstId, 'id'>,
    opening?: ResolvedOptions,
  ): void {
    startRow(this.gpu, this.sampling, row, options, history, first, opening)
  }

  /** Ends the reply of a row, which that of the last row takes over. Records the copies. */
  replace(recorder: Recorder, row: number, last: number): void {
    copySlot(recorder, this.#rows, this.#rows, last, row, this.#between)
    const [ended, moved] = [this.slotOf(row), this.slotOf(last)]
    this.#setSlot(row, moved)
    this.#setSlot(last, ended)
  }

  /** Takes over the replies of others that are fewer, to go on here. Records the copies. */
  takeOver(recorder: Recorder, others: ReplySlots, count: number): void {
    for (let row = 0; row < count; row++) {
      copySlot(recorder, others.#rows, this.#rows, row, row, this.#between)
      // Slots are as free here as rows are.
      copySlot(recorder, others.cache, this.cache, others.slotOf(row), row, this.#between)
      this.cache.adoptSources(others.cache, others.slotOf(row), row)
    }
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

  /** One id more for the first `count` rows. */
  async step(count: number): Promise<RowDraw[]> {
    return (await this.submitStep(count)).draws
  }

  /**
   * Submits one id more for the first `count` rows. The next step may be submitted before these draws are there: it
   * reads them on the GPU. Await this before anything else is submitted.
   */
  async submitStep(count: number): Promise<StepInFlight> {
    // Replies do not end because others did, for want of memory: a step of more rows serves fewer.
    const recording = await this.#recordings.ofAtLeast(count)
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

  /** The decode step of the first `count` rows, as it was recorded the first time. */
  recording(count: number): Promise<Recording> {
    return this.#recordings.of(count)
  }

  /**
   * Records: the decoder on the ids drawn last, the score processors, the draw.
   *
   * @param traced how its pass tells of its stages; nothing by default
   */
  async record(count: number, traced?: (recorder: Recorder) => Pick<Pass, 'trace' | 'settled'>): Promise<Recording> {
    const { model, cache, sampling, rules } = this
    const { ids, lengths, positions } = sampling
    const slots = this.#table
    const { recording } = await this.#run.record((pass) => {
      const { recorder } = pass
      const told = { ...pass, ...traced?.(recorder) }
      const newest = { ids, positions, lengths, slots, table: slots }
      const logits = model.step(told, cache, { sequences: count, newRows: 1, ...newest })
      logitsProcessors(recorder, logits, sampling, rules, count)
      sample(recorder, logits, sampling, rules, count)
    }, 'a decode step')
    return recording
  }

  /** Frees everything. Steps in flight still give their draws. */
  dispose(): void {
    this.#disposed = true
    this.#recordings.dispose()
    for (const readback of this.#readbacks) readback.dispose()
    this.gpu.free(...Object.values(this.sampling), this.rules.words, this.#table, this.#between)
    this.#run.dispose()
    this.cache.dispose()
  }

  #setSlot(row: number, slot: number): void {
    this.#slotOf[row] = slot
    this.gpu.write(this.#table, Uint32Array.of(slot), row)
  }
}
