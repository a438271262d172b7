import type { Gpu } from '../../gpu/gpu.js'
import type { Tensor } from '../../gpu/tensor.js'
import { type CacheShape, type KvCache, type NewIds, wholeSequences } from '../../nn/kv-cache.js'
import type { Pass } from '../../nn/pass.js'
import { partSoftmax } from '../../ops/part-softmax.js'
import { JOINT_PROGRAMS, strategyId } from '../../text/joint-programs.js'
import type { StrategyName } from '../../text/strategies.js'
import type { BartWeights } from '../bart/layout.js'
import { BartModel, type TextIds } from '../bart/model.js'
import type { CacheSizes, FirstId, Model, Started } from '../model.js'
import type { JointConfig } from './config.js'

/** A dialogue as ids, and the strategy of its reply where it is not to be drawn. */
export interface JointInput {
  /** At least one. */
  readonly ids: TextIds
  readonly strategy?: StrategyName | undefined
}

/** What the model says of a reply's strategy, in the order of its program's ids. */
export interface JointScores {
  /** [8]: the logits of the strategies, which stand first in a reply. */
  readonly logits: Float32Array
  /** [8]: softmax over these alone. */
  readonly probs: Float32Array
}

/**
 * BlenderBot-Joint (baselines §9): a plain BlenderBot-small that begins a reply with its strategy's id. The first id of a reply
 * is to be drawn from the strategies, unless an input gives its own: then the decoder goes on from that.
 */
export class JointModel implements Model<JointInput, JointScores> {
  readonly widestRow: number
  readonly weights: BartWeights
  readonly #backbone: BartModel

  constructor(
    gpu: Gpu,
    weights: Omit<BartWeights, 'config'>,
    readonly config: JointConfig,
  ) {
    this.weights = { ...weights, config }
    this.#backbone = new BartModel(gpu, this.weights)
    this.widestRow = this.#backbone.widestRow
  }

  get cacheShape(): CacheShape {
    return this.#backbone.cacheShape
  }

  createCache(sizes: CacheSizes): KvCache {
    return this.#backbone.createCache(sizes)
  }

  usualInput(length?: number, ids?: (length: number) => number[]): JointInput {
    return { ids: this.#backbone.usualInput(length, ids) }
  }

  size({ ids }: JointInput): number {
    return this.#backbone.size(ids)
  }

  sourceRows({ ids }: JointInput): number[] {
    return this.#backbone.sourceRows(ids)
  }

  /** The start id, or the given strategy after it. */
  first({ strategy }: JointInput): FirstId {
    return strategy === undefined ? this.#backbone.first() : { id: strategyId(this.config, strategy), length: 1 }
  }

  /** Reads the dialogues, and the decoder's start id for what it says of the strategies. */
  start(
    pass: Pass<BartWeights>,
    inputs: readonly JointInput[],
    cache: KvCache,
    slots: readonly number[],
  ): Started<JointScores> {
    const { decoderStartId, firstStrategyId, program } = this.config
    const texts = inputs.map(({ ids }) => ids)
    this.#backbone.start(pass, texts, cache, slots)
    // What is traced are the steps.
    const { recorder, scratch, weights } = pass
    const begun = wholeSequences(
      scratch,
      texts.map(() => [decoderStartId]),
      slots,
    )
    const scores = this.#backbone.step({ recorder, scratch, weights }, cache, begun)
    const [rows, count] = [inputs.length, JOINT_PROGRAMS[program].strategies.length]
    const logits = scratch.rows('strategy.logits', rows, count)
    const probs = scratch.rows('strategy.probs', rows, count)
    partSoftmax(recorder, { scores, part: logits, probs }, firstStrategyId, rows)
    pass.trace?.('strategy.logits', logits, rows)
    pass.trace?.('strategy.probs', probs, rows)
    return {
      tensors: [logits, probs],
      read: ([logits, probs]) =>
        inputs.map((_, row) => {
          const of = (values: Float32Array) => values.slice(row * count, (row + 1) * count)
          return { logits: of(logits!), probs: of(probs!) }
        }),
    }
  }

  step(pass: Pass<BartWeights>, cache: KvCache, rows: NewIds): Tensor {
    return this.#backbone.step(pass, cache, rows)
  }

  /** It keeps nothing that may be missing. */
  forget(): void {}

  /** It holds nothing beside its weights. */
  dispose(): void {}
}
