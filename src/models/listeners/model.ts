import { InputError } from '../../errors.js'
import type { Gpu } from '../../gpu/gpu.js'
import type { Tensor } from '../../gpu/tensor.js'
import type { CacheShape, NewIds } from '../../nn/kv-cache.js'
import type { Loaded } from '../../nn/layout.js'
import type { Pass } from '../../nn/pass.js'
import { RaggedBatch } from '../../nn/ragged-batch.js'
import { project, type Rows } from '../../nn/rows.js'
import { chooseLayers } from '../../ops/choose-layers.js'
import { copyRows } from '../../ops/copy-rows.js'
import { type CacheSizes, type FirstId, type Model, type Started, usualIds, usualLength } from '../model.js'
import { ListenersCache, listenersCache } from './cache.js'
import type { ListenersConfig } from './config.js'
import { cacheMemory, decode } from './decoder.js'
import { boundsOf, embedContext, encode } from './encoder.js'
import type { ListenersLayout, ListenersWeights } from './layout.js'
import { emotionLogits, mimic } from './mimicry.js'
import type { Noise } from './noise.js'
import { timingSignal } from './timing.js'

/** A dialogue's words in a row, CLS first. */
export interface ContextIds {
  readonly ids: readonly number[]
  /** Who says each: the id of USR or SYS, and CLS where CLS stands. As many. */
  readonly roles: readonly number[]
  /** MIME's; default: none. Others have none. */
  readonly noise?: Noise
}

/** What a model says of a context's emotion. */
export interface EmotionScores {
  /** [K]: logits of the emotions. */
  readonly logits: Float32Array
  /** MoEL: [K], the weights of its listeners, 0 for those that do not listen. */
  readonly listeners?: Float32Array
}

/** Transformer, MT Transformer, MoEL and MIME, as released (baselines). */
export class ListenersModel implements Model<ContextIds, EmotionScores> {
  readonly config: ListenersConfig
  readonly weights: ListenersWeights
  readonly widestRow: number

  constructor(
    readonly gpu: Gpu,
    weights: Loaded<ListenersLayout['weights']>,
    config: ListenersConfig,
  ) {
    const { vocabSize, dModel, depth, decoderFfn, listeners, maxPositions } = config
    this.config = config
    const timing = gpu.tensorFrom('timing', [maxPositions, dModel], timingSignal(maxPositions, dModel))
    this.weights = { ...weights, config, timing }
    this.widestRow = Math.max(vocabSize, (listeners + 1) * 3 * Math.max(dModel, depth, decoderFfn))
  }

  get cacheShape(): CacheShape {
    return listenersCache(this.config)
  }

  createCache(sizes: CacheSizes): ListenersCache {
    return new ListenersCache(this.gpu, this.config, sizes)
  }

  usualInput(length = usualLength, ids = usualIds): ContextIds {
    const count = Math.min(length, this.config.maxPositions)
    return { ids: ids(count), roles: usualIds(count) }
  }

  size({ ids }: ContextIds): number {
    return ids.length
  }

  sourceRows({ ids }: ContextIds): number[] {
    return [ids.length]
  }

  first(): FirstId {
    return { id: this.config.decoderStartId, length: 0 }
  }

  /** C = Encoder(z), the emotion, and what the decoder needs of both. @throws InputError where a context has no ids, too many, or other roles. */
  start(
    pass: Pass<ListenersWeights>,
    contexts: readonly ContextIds[],
    cache: ListenersCache,
    slots: readonly number[],
  ): Started<EmotionScores> {
    for (const it of contexts) this.#check(it)
    const { numEmotions } = this.config
    const batch = new RaggedBatch(contexts.map((it) => it.ids))
    const roles = new RaggedBatch(contexts.map((it) => it.roles))
    const bounds = boundsOf(pass, batch)
    const states = encode(pass, 'encoder.states', embedContext(pass, batch, roles), pass.weights.encoder, bounds)
    pass.trace?.('encoder.last_hidden_state', states, batch.rows)
    const first = firstStates(pass, states, batch)
    const { mimicry, emotions: key } = pass.weights
    const emotions = mimicry ? emotionLogits(pass, first, mimicry) : project(pass, 'emotions', first, key!)
    pass.trace?.('emotion.logits', emotions.x, contexts.length)
    const listeners = cache.choices && chooseListeners(pass, emotions.x, cache.choices, slots)
    const noises = contexts.map((it) => it.noise ?? 'zero')
    const memory = mimicry ? mimic(pass, mimicry, { states, batch, bounds }, first, emotions, noises) : states
    cacheMemory(pass, cache, slots, memory, batch)
    return {
      tensors: listeners ? [emotions.x, listeners] : [emotions.x],
      read: ([logits, weights]) =>
        contexts.map((_, row) => {
          const of = (values: Float32Array) => values.slice(row * numEmotions, (row + 1) * numEmotions)
          return { logits: of(logits!), ...(weights && { listeners: of(weights) }) }
        }),
    }
  }

  /** Rows that were padded in a step of several may not go on: the last rows that are kept are the padding's. */
  step(pass: Pass<ListenersWeights>, cache: ListenersCache, rows: NewIds): Tensor {
    return decode(pass, cache, rows)
  }

  /** It keeps nothing that may be missing. */
  forget(): void {}

  /** It holds nothing beside its weights, with which the timing signal lives. */
  dispose(): void {}

  #check({ ids, roles }: ContextIds): void {
    const { maxPositions } = this.config
    if (ids.length === 0 || ids.length > maxPositions) {
      throw new InputError(`a context has ${ids.length} ids: it needs one, CLS, and may have ${maxPositions}`)
    }
    if (roles.length === ids.length) return
    throw new InputError(`a context has ${ids.length} ids and ${roles.length} roles: every id needs one`)
  }
}

/** C₀ of each context, [contexts, d]. */
function firstStates({ recorder, scratch }: Pass, states: Tensor, { starts }: RaggedBatch): Rows {
  const count = starts.length
  const target = scratch.rows('emotions.first', count, states.shape[1]!)
  const from = scratch.upload('emotions.from', [count], Uint32Array.from(starts))
  copyRows(recorder, { source: states, from, target }, count)
  return { x: target, count }
}

/** Who listens to each context, into its slot: the `topk` of the largest logits, and their weights. @returns [contexts, K] */
function chooseListeners(
  pass: Pass<ListenersWeights>,
  logits: Tensor,
  table: Tensor,
  slots: readonly number[],
): Tensor {
  const { recorder, scratch, weights, trace } = pass
  const { listeners, leastListener, numEmotions } = weights.config
  const sequences = slots.length
  const chosen = scratch.rows('listeners.weights', sequences, numEmotions)
  const of = scratch.upload('listeners.slots', [sequences], Uint32Array.from(slots))
  const options = { sequences, most: listeners, least: leastListener }
  chooseLayers(recorder, { logits, slots: of, table, weights: chosen }, options)
  trace?.('listeners.weights', chosen, sequences)
  return chosen
}
