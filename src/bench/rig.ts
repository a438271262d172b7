import { ReplySlots, type StepInFlight } from '../engine/reply-slots.js'
import { defaultStepsInFlight } from '../engine/scheduler.js'
import { GpuError } from '../errors.js'
import { tokenRules } from '../generation/token-rules.js'
import type { Gpu } from '../gpu/gpu.js'
import type { Recording } from '../gpu/recording.js'
import type { BlockCache } from '../models/misc/block-cache.js'
import type { MiscCache } from '../models/misc/decoder.js'
import type { MiscWeights } from '../models/misc/layout.js'
import { type DialogueIds, type EncodedDialogues, encodeDialogues, prepareDecoding } from '../models/misc/misc.js'
import { MiscModel } from '../models/misc/model.js'
import type { Pass } from '../nn/pass.js'
import { Run } from '../nn/run.js'
import { rowStatus } from '../ops/sampling-rows.js'
import { drawOptions, makeDialogues, type Workload } from './workload.js'

/** A workload's dialogues on the GPU, and all that the engine does with them, a part at a time so that it can be timed. */
export class BenchRig {
  readonly dialogues: readonly DialogueIds[]
  readonly slots: ReplySlots
  readonly blockCache: BlockCache
  /** Milliseconds that {@link run} has waited for kernels to compile. */
  compileMs = 0
  readonly stepsInFlight: number
  readonly #model: MiscModel
  readonly #run: Run<MiscWeights>

  constructor(
    readonly gpu: Gpu,
    readonly weights: MiscWeights,
    readonly workload: Workload,
  ) {
    const { config } = weights
    this.stepsInFlight = defaultStepsInFlight(gpu.adapter)
    this.dialogues = makeDialogues(workload, config)
    this.#model = new MiscModel(gpu, weights)
    this.slots = new ReplySlots(gpu, this.#model, workload.batch, tokenRules(config))
    this.#run = new Run(gpu, weights)
    this.blockCache = this.#model.blocks
  }

  /** Blocks of all dialogues. */
  get blocks(): (readonly number[])[] {
    return this.dialogues.flatMap(({ post, situation }) => [...post, ...situation])
  }

  /** Records, waits for the kernels where they are new, submits and waits for the result. */
  async run<T>(record: (pass: Pass<MiscWeights>) => T): Promise<T> {
    return this.record(record, async (recording) => {
      this.gpu.submit([recording])
      await this.gpu.idle()
    })
  }

  /** As {@link run}, but the caller submits. */
  async record<T>(record: (pass: Pass<MiscWeights>) => T, submit: (recording: Recording) => Promise<void>): Promise<T> {
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

  /** Eq. 2–3, for the blocks that the cache does not hold. */
  encodeBlocks(blocks = this.blocks): Promise<number[]> {
    return this.run((pass) => this.blockCache.encode(pass, blocks))
  }

  /** Eq. 1–6; the blocks that the cache holds are taken from it. */
  encode(): Promise<EncodedDialogues> {
    return this.run((pass) => encodeDialogues(pass, this.blockCache, this.dialogues))
  }

  /** The keys and values of cross-attention, for all layers; then replies may be drawn. */
  async prepare(encoded: EncodedDialogues): Promise<void> {
    await this.run((pass) => this.#prepare(pass, encoded))
  }

  /** All that comes before the first step, in one submission as the engine does it. The blocks are encoded anew. */
  async start(): Promise<void> {
    this.blockCache.clear()
    await this.run((pass) => this.#prepare(pass, encodeDialogues(pass, this.blockCache, this.dialogues)))
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

  /** Every reply begins anew, with the dialogues that are prepared. */
  startRows(): void {
    const { decoderStartId } = this.weights.config
    for (const slot of this.dialogues.keys()) this.slots.start(slot, drawOptions(this.workload), [decoderStartId])
  }

  dispose(): void {
    this.slots.dispose()
    this.#model.dispose()
    this.#run.dispose()
  }

  #prepare(pass: Pass<MiscWeights>, encoded: EncodedDialogues): void {
    const slots = this.dialogues.map((_, slot) => slot)
    prepareDecoding(pass, this.slots.cache as MiscCache, slots, encoded)
    this.startRows()
  }
}
