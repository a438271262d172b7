import { BeamSearch, type Candidate } from '../generation/beam-search.js'
import type { TokenRules } from '../generation/token-rules.js'
import type { Gpu, Readback } from '../gpu/gpu.js'
import type { Recording } from '../gpu/recording.js'
import type { Tensor } from '../gpu/tensor.js'
import type { Model } from '../models/model.js'
import type { KvCache } from '../nn/kv-cache.js'
import { Run } from '../nn/run.js'
import { bestCandidates, readCandidates } from '../ops/best-candidates.js'
import { logSoftmax } from '../ops/log-softmax.js'
import { logitsProcessors } from '../ops/logits-processors.js'
import { type RuleWords, ruleWords } from '../ops/rule-words.js'
import { type RowState, type SamplingRows, samplingRows, setRows } from '../ops/sampling-rows.js'
import { StepRecordings } from './step-recordings.js'

/** How much room beam searches need. */
export interface BeamSizes {
  /** Beams of each input. */
  readonly numBeams: number
  /** Inputs searched together. */
  readonly inputs: number
  /** Ids that the decoder reads of one beam, with what its input left in the cache. */
  readonly positions: number
  /** Rows of each source. */
  readonly sources: readonly number[]
  /** Ids that the processors see of one beam. */
  readonly history: number
}

/** A beam that goes on: a row of the step. */
export interface BeamRow extends RowState {
  /** The slot of its input's sources. */
  readonly source: number
  /** The row table: the slots of the rows that it has in the cache, and of the one that this step writes. */
  readonly slots: readonly number[]
}

/** A step that the GPU has still to do. */
export interface BeamStepInFlight {
  /** How each row may go on, best first; where a row is not finite, its first candidate's score is not. */
  readonly candidates: Promise<Candidate[][]>
}

/**
 * Everything on the GPU that beam searches need while they last: the decoder's cache, what each row is, and a recording of the
 * step for every number of rows that occurs.
 *
 * No cache is copied. Beam b of the search at place i always writes into slot b · inputs + i, at a position that no step wrote
 * before; where beams fork, their rows of the table name the slots of the beams that they come from. The sources of an input
 * lie in the slot of the first place that it was given.
 */
export class BeamSlots {
  readonly cache: KvCache
  readonly #sampling: SamplingRows
  readonly #sources: Tensor
  readonly #table: Tensor
  readonly #candidates: Tensor
  readonly #readback: Readback
  readonly #rules: RuleWords
  readonly #run: Run<unknown>
  readonly #recordings = new StepRecordings((count) => this.#record(count))

  constructor(
    readonly gpu: Gpu,
    readonly model: Model,
    readonly sizes: BeamSizes,
    rules: TokenRules,
  ) {
    const { numBeams, inputs, positions, sources, history } = sizes
    const rows = numBeams * inputs
    this.cache = model.createCache({ slots: rows, sourceSlots: inputs, positions, sources })
    this.#sampling = samplingRows(gpu, rows, history)
    this.#sources = gpu.tensor('beams.sources', [rows], 'u32')
    this.#table = gpu.tensor('beams.table', [rows, positions], 'u32')
    const count = BeamSearch.candidates(numBeams, rules.eosIds)
    this.#candidates = gpu.tensor('beams.candidates', [rows, count, 2], 'u32')
    this.#readback = gpu.readback(this.#candidates)
    this.#rules = ruleWords(gpu, rules)
    this.#run = new Run(gpu, model.weights, rows)
  }

  /** Whether searches of these sizes have room here. */
  hold({ numBeams, inputs, positions, sources, history }: BeamSizes): boolean {
    const own = this.sizes
    return (
      numBeams === own.numBeams &&
      inputs <= own.inputs &&
      positions <= own.positions &&
      sources.every((rows, s) => rows <= own.sources[s]!) &&
      history <= own.history
    )
  }

  /** The slot that a beam of a search writes into. */
  slotOf(place: number, beam: number): number {
    return beam * this.sizes.inputs + place
  }

  /** The step of the first `count` rows, as it was recorded the first time. */
  recording(count: number): Promise<Recording> {
    return this.#recordings.of(count)
  }

  /** Records: the decoder on the newest ids, log-probabilities, the score processors on these, the best of each row. */
  async #record(count: number): Promise<Recording> {
    const { ids, lengths, positions } = this.#sampling
    const newest = { ids, lengths, positions, slots: this.#sources, table: this.#table }
    const { recording } = await this.#run.record((pass) => {
      const scores = this.model.step(pass, this.cache, { sequences: count, newRows: 1, ...newest })
      logSoftmax(pass.recorder, scores, count)
      logitsProcessors(pass.recorder, scores, this.#sampling, this.#rules, count)
      bestCandidates(pass.recorder, scores, this.#candidates, count)
    }, 'a step of beams')
    return recording
  }

  /** Submits a step of these rows. Await this before anything else is submitted, and the candidates before the next step. */
  async submitStep(rows: readonly BeamRow[]): Promise<BeamStepInFlight> {
    const { gpu } = this
    const count = rows.length
    const recording = await this.recording(count)
    const columns = this.sizes.positions
    const table = new Uint32Array(count * columns)
    for (const [row, { slots }] of rows.entries()) table.set(slots, row * columns)
    setRows(gpu, this.#sampling, 0, rows)
    const sources = Uint32Array.from(rows, ({ source }) => source)
    gpu.write(this.#sources, sources)
    gpu.write(this.#table, table)
    gpu.submit([recording], [this.#readback])
    const perRow = this.#candidates.shape[1]!
    const candidates = this.#readback.read().then((words) => readCandidates(words as Uint32Array, perRow, count))
    // Whoever awaits them sees the failure when it gets there.
    candidates.catch(() => {})
    return { candidates }
  }

  dispose(): void {
    this.#recordings.dispose()
    this.#readback.dispose()
    const { gpu } = this
    gpu.free(...Object.values(this.#sampling), this.#rules.words)
    gpu.free(this.#sources, this.#table, this.#candidates)
    this.#run.dispose()
    this.cache.dispose()
  }
}
