import { ReplySlots } from '../engine/reply-slots.js'
import { type ResolvedOptions, resolveOptions } from '../generation/options.js'
import { processScores } from '../generation/processors.js'
import { tokenRules } from '../generation/token-rules.js'
import type { Gpu } from '../gpu/gpu.js'
import type { Tensor } from '../gpu/tensor.js'
import type { Model, ModelConfig } from '../models/model.js'
import { Capture } from '../nn/capture.js'
import { wholeSequences } from '../nn/kv-cache.js'
import type { Pass } from '../nn/pass.js'
import { Run } from '../nn/run.js'
import { rowStatus } from '../ops/sampling-rows.js'
import { argMax, argMaxAgreement, compareStage, type StageComparison, type StageLimits } from './comparison.js'
import { type DecodeName, isGreedy, type ReferenceCase, type ReferenceDecode } from './reference-case.js'

/**
 * From the first step on whose two best scores are closer than this, decoded ids are not compared: rounding could decide
 * them. Two scores that are each off by the tolerance of `logits` need more than twice that between them.
 */
const leastMargin = (tolerance: number): number => Math.max(1e-3, 5 * tolerance)

/** The references forbid the added ids of the authors' program, whatever the vocabulary. */
const referenceRules = (config: ModelConfig) => tokenRules(config, 54944)

/** How one reference file compares, in one of the two ways to run the decoder. */
export interface CaseReport {
  readonly file: string
  /** `full`: the decoder in one teacher-forced pass; `cached`: id by id through the KV-cache. */
  readonly mode: 'full' | 'cached'
  /** In the order of computation; those that the file holds. */
  readonly stages: readonly StageComparison[]
  /** The part of the positions whose best logit is the same; null where the file has neither logits nor log_probs. */
  readonly argmax_agreement: number | null
  /** The part of the reference's decoded ids that are the same; null where the file has none. */
  readonly greedy_agreement: number | null
}

/** The first thing that is off in a report. */
export interface Failure {
  readonly report: CaseReport
  /** The first stage beyond its tolerance; `decode` where all stages are well but decoded ids differ. */
  readonly stage: string
}

/** What is off first, if anything is. Decoded ids count: they are compared only where scores decide them. */
export function firstFailure(reports: readonly CaseReport[]): Failure | undefined {
  for (const report of reports) {
    const stage = report.stages.find((it) => !it.ok)?.name
    if (stage) return { report, stage }
    if (report.greedy_agreement !== null && report.greedy_agreement < 1) return { report, stage: 'decode' }
  }
  return undefined
}

/**
 * Compares a model with a reference capture, stage by stage, both ways.
 *
 * @param limits largest absolute errors: see {@link stageLimits}.
 * @param onPass called after each of the two ways.
 */
export async function validateCase(
  gpu: Gpu,
  model: Model,
  reference: ReferenceCase,
  limits: StageLimits,
  onPass?: () => void,
): Promise<CaseReport[]> {
  const run = new ReferenceRun(gpu, model, reference, limits)
  try {
    const full = run.report('full', await run.fullPass(), await run.fullPass(replayed), await run.fullDecodes())
    onPass?.()
    const cached = run.report(
      'cached',
      await run.cachedPass(),
      await run.cachedPass(replayed),
      await run.cachedDecodes(),
    )
    onPass?.()
    return [full, cached]
  } finally {
    run.dispose()
  }
}

/** Each stage is computed from the reference's values of those before it: what is off then, it has added itself. */
const replayed = true

/** One reference file's inputs, run on the GPU. */
class ReferenceRun {
  readonly #run: Run<unknown>
  /** As many slots as the file has inputs, with all ids allowed (for `decode.greedy`) and without the added ones. */
  readonly #slots: ReplySlots
  readonly #penalisedSlots: ReplySlots
  readonly #batch: number

  constructor(
    readonly gpu: Gpu,
    readonly model: Model,
    readonly reference: ReferenceCase,
    readonly limits: StageLimits,
  ) {
    this.#batch = reference.inputs.length
    this.#run = new Run(gpu, model.weights)
    this.#slots = new ReplySlots(gpu, model, this.#batch, tokenRules(model.config))
    this.#penalisedSlots = new ReplySlots(gpu, model, this.#batch, referenceRules(model.config))
  }

  /** @param added the pass {@link replayed} */
  report(
    mode: CaseReport['mode'],
    actual: ReadonlyMap<string, Float32Array>,
    added: ReadonlyMap<string, Float32Array>,
    decoded: readonly boolean[],
  ): CaseReport {
    const { file, stages } = this.reference
    const inOrder = [...actual.keys()].filter((name) => stages.has(name))
    const scores = ['logits', 'log_probs'].find((name) => stages.has(name))
    return {
      file,
      mode,
      stages: inOrder.map((name) =>
        compareStage(name, actual.get(name)!, stages.get(name)!, this.limits, added.get(name)),
      ),
      argmax_agreement: scores
        ? argMaxAgreement(actual.get(scores)!, stages.get(scores)!, this.model.config.vocabSize)
        : null,
      greedy_agreement: decoded.length > 0 ? decoded.filter(Boolean).length / decoded.length : null,
    }
  }

  /** Encoders, and the decoder over all ids at once. */
  async fullPass(settled = false): Promise<Map<string, Float32Array>> {
    const capture = new Capture(this.gpu, this.#wanted, settled ? this.#instead : undefined)
    try {
      await this.#run.submit((pass) => {
        const traced = { ...pass, settled, trace: capture.trace(pass.recorder) }
        this.#encode(traced, this.#slots)
        const { decoderIds, decoderPositions } = this.reference
        this.#teacherForce(traced, decoderIds, decoderPositions)
      })
      return this.#withoutPadding(await capture.read())
    } finally {
      capture.dispose()
    }
  }

  /** Encoders, and the decoder id by id. */
  async cachedPass(settled = false): Promise<Map<string, Float32Array>> {
    let step = 0
    const encoder = new Capture(this.gpu, this.#wanted, settled ? this.#instead : undefined)
    const decoder = new Capture(
      this.gpu,
      this.#wanted,
      settled ? (stage, size) => this.#rowsAt(step, stage, size) : undefined,
    )
    const recording = await this.#slots.record(this.#batch, (recorder) => ({ settled, trace: decoder.trace(recorder) }))
    try {
      this.model.forget()
      await this.#run.submit((pass) =>
        this.#encode({ ...pass, settled, trace: encoder.trace(pass.recorder) }, this.#slots),
      )
      const { ids, lengths, positions } = this.#slots.sampling
      const { decoderIds, decoderPositions } = this.reference
      const write = (tensor: Tensor, values: readonly number[]) => this.gpu.write(tensor, Uint32Array.from(values))
      const steps: Map<string, Float32Array>[] = []
      for (; step < this.#longest; step++) {
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
        write(lengths, new Array<number>(this.#batch).fill(step))
        this.gpu.submit([recording])
        steps.push(await decoder.read())
      }
      const stages = await encoder.read()
      for (const name of steps[0]!.keys()) stages.set(name, this.#byInput(steps.map((it) => it.get(name)!)))
      return this.#withoutPadding(stages)
    } finally {
      encoder.dispose()
      decoder.dispose()
      recording.dispose()
    }
  }

  /** Whether each of the reference's decoded ids is the best one after those before it, all in one pass. */
  async fullDecodes(): Promise<boolean[]> {
    const { vocabSize, decoderStartId, padId } = this.model.config
    const rules = referenceRules(this.model.config)
    const agreements: boolean[] = []
    for (const decode of this.reference.decodes) {
      const length = Math.max(...decode.ids.map((row) => row.length))
      const inputs = decode.ids.map((row) => [
        decoderStartId,
        ...Array.from({ length: length - 1 }, (_, i) => row[i] ?? padId),
      ])
      const capture = new Capture(this.gpu, new Set(['logits']))
      await this.#run.submit((pass) => {
        this.#encode(pass, this.#slots)
        this.#teacherForce({ ...pass, trace: capture.trace(pass.recorder) }, inputs)
      })
      const logits = (await capture.read()).get('logits')!
      capture.dispose()
      forEachDecodedId(decode, this.limits.hidden, (id, b, step) => {
        const start = (b * length + step) * vocabSize
        const scores = logits.slice(start, start + vocabSize)
        const history = [...this.#history(decode.name, b), ...decode.ids[b]!.slice(0, step)]
        if (!isGreedy(decode.name)) {
          processScores(scores, { history, drawn: step }, decodeOptions(decode), rules)
        }
        agreements.push(argMax(scores, 0, vocabSize) === id)
      })
    }
    return agreements
  }

  /** Whether each of the reference's decoded ids is the one drawn on the GPU. */
  async cachedDecodes(): Promise<boolean[]> {
    const agreements: boolean[] = []
    for (const decode of this.reference.decodes) {
      const slots = isGreedy(decode.name) ? this.#slots : this.#penalisedSlots
      await this.#run.submit((pass) => this.#encode(pass, slots))
      const options = decodeOptions(decode)
      for (let b = 0; b < this.#batch; b++) slots.start(b, options, this.#history(decode.name, b))
      const drawn: number[][] = decode.ids.map(() => [])
      const running = new Set(drawn.keys())
      for (let step = 0; running.size > 0 && step < Math.max(...decode.ids.map((row) => row.length)); step++) {
        for (const [b, { id, status }] of (await slots.step(this.#batch)).entries()) {
          if (running.has(b)) drawn[b]!.push(id)
          if (status !== rowStatus.running) running.delete(b)
        }
      }
      forEachDecodedId(decode, this.limits.hidden, (id, b, step) => agreements.push(drawn[b]![step] === id))
    }
    return agreements
  }

  dispose(): void {
    this.#slots.dispose()
    this.#penalisedSlots.dispose()
    this.#run.dispose()
  }

  get #wanted(): ReadonlySet<string> {
    return new Set(this.reference.stages.keys())
  }

  /** The ids that the processors see before the reply's first. */
  #history(name: DecodeName, b: number): number[] {
    const context = name === 'decode.penalised_context' ? this.reference.contexts[b]! : []
    return [...context, this.model.config.decoderStartId]
  }

  #encode(pass: Pass, slots: ReplySlots): void {
    const { inputs } = this.reference
    this.model.start(pass, inputs, slots.cache, [...inputs.keys()])
  }

  #teacherForce(pass: Pass, ids: readonly (readonly number[])[], positions?: readonly (readonly number[])[]): void {
    this.model.step(pass, this.#slots.cache, wholeSequences(pass.scratch, ids, [...ids.keys()], positions))
  }

  get #longest(): number {
    return Math.max(...this.reference.decoderIds.map((row) => row.length))
  }

  /** Rows step by step, each of every input, as rows input by input. */
  #byInput(steps: readonly Float32Array[]): Float32Array {
    const width = steps[0]!.length / this.#batch
    const result = new Float32Array(steps.length * steps[0]!.length)
    steps.forEach((values, step) => {
      for (let b = 0; b < this.#batch; b++) {
        result.set(values.subarray(b * width, (b + 1) * width), (b * steps.length + step) * width)
      }
    })
    return result
  }

  /** Whether the decoder's rows of a stage are padded to those of the longest reply. */
  #isPadded(stage: string): boolean {
    const ragged = this.reference.decoderIds.some((row) => row.length !== this.#longest)
    return ragged && (['logits', 'log_probs'].includes(stage) || stage.startsWith('decoder.'))
  }

  readonly #instead = (stage: string, size: number): Float32Array | undefined => {
    const values = this.#padded(stage, this.reference.stages.get(stage)!)
    return values.length === size ? values : undefined
  }

  /** The reference's values of the rows that a stage has at a step, one of each input. */
  #rowsAt(step: number, stage: string, size: number): Float32Array | undefined {
    const values = this.#padded(stage, this.reference.stages.get(stage)!)
    if (values.length !== size * this.#longest) return undefined
    const width = size / this.#batch
    const rows = new Float32Array(size)
    for (let b = 0; b < this.#batch; b++) {
      const start = (b * this.#longest + step) * width
      rows.set(values.subarray(start, start + width), b * width)
    }
    return rows
  }

  /** The reference's values of a stage with a row of zeros for every row of padding. */
  #padded(stage: string, values: Float32Array): Float32Array {
    if (!this.#isPadded(stage)) return values
    const { decoderIds } = this.reference
    const width = values.length / decoderIds.reduce((sum, row) => sum + row.length, 0)
    const padded = new Float32Array(this.#batch * this.#longest * width)
    let read = 0
    for (const [b, { length }] of decoderIds.entries()) {
      padded.set(values.subarray(read, read + length * width), b * this.#longest * width)
      read += length * width
    }
    return padded
  }

  /** Of what the decoder computed, the rows of its inputs' own ids. */
  #withoutPadding(stages: Map<string, Float32Array>): Map<string, Float32Array> {
    const { decoderIds } = this.reference
    const [longest, rows] = [this.#longest, this.#batch * this.#longest]
    for (const [name, values] of stages) {
      if (!this.#isPadded(name)) continue
      const width = values.length / rows
      const own = decoderIds.flatMap((row, b) => [
        ...values.subarray(b * longest * width, (b * longest + row.length) * width),
      ])
      stages.set(name, Float32Array.from(own))
    }
    return stages
  }
}

/** What model-spec §4 says of the goldens' decoding. */
function decodeOptions({ name, ids }: ReferenceDecode): ResolvedOptions {
  const processors = { repetitionPenalty: 1.03, noRepeatNgramSize: 3, minLength: 5 }
  const none = { repetitionPenalty: 1, noRepeatNgramSize: 0, minLength: 0 }
  const maxNewTokens = Math.max(...ids.map((row) => row.length))
  return resolveOptions({ doSample: false, maxNewTokens, ...(isGreedy(name) ? none : processors) })
}

/** Every decoded id of each dialogue, up to its first step that rounding could decide. */
function forEachDecodedId(
  decode: ReferenceDecode,
  tolerance: number,
  visit: (id: number, b: number, step: number) => void,
): void {
  decode.ids.forEach((row, b) => {
    const close = decode.margins[b]!.findIndex((margin) => !(margin >= leastMargin(tolerance)))
    row.slice(0, close < 0 ? row.length : close).forEach((id, step) => {
      visit(id, b, step)
    })
  })
}
