import type { Gpu } from '../../gpu/gpu.js'
import type { Tensor } from '../../gpu/tensor.js'
import { decode } from '../../nn/decoder.js'
import { encode } from '../../nn/encoder.js'
import { type CacheShape, cacheSources, KvCache, type NewIds } from '../../nn/kv-cache.js'
import type { Pass } from '../../nn/pass.js'
import { RaggedBatch } from '../../nn/ragged-batch.js'
import type { BackboneConfig } from '../backbone-config.js'
import {
  type CacheSizes,
  type FirstId,
  type Model,
  nothingTold,
  type Started,
  usualIds,
  usualLength,
} from '../model.js'
import type { BartWeights } from './layout.js'

/** A text as ids, at least one. */
export type TextIds = readonly number[]

/** What a slot of the cache holds: the output so far, and the input. */
export function bartCache({ decoderLayers, dModel, decoderHeads, maxPositions }: BackboneConfig): CacheShape {
  return { layers: decoderLayers, d: dModel, heads: decoderHeads, positions: maxPositions, sources: [maxPositions] }
}

/** BART, or a plain BlenderBot-small: an encoder, and a decoder that attends to it. */
export class BartModel implements Model<TextIds, undefined> {
  readonly config: BackboneConfig
  readonly widestRow: number

  constructor(
    readonly gpu: Gpu,
    readonly weights: BartWeights,
  ) {
    const { vocabSize, decoderFfn, dModel } = weights.config
    this.config = weights.config
    this.widestRow = Math.max(vocabSize, decoderFfn, 3 * dModel)
  }

  get cacheShape(): CacheShape {
    return bartCache(this.config)
  }

  createCache(sizes: CacheSizes): KvCache {
    return new KvCache(this.gpu, { ...this.cacheShape, ...sizes })
  }

  usualInput(length = usualLength, ids = usualIds): TextIds {
    return ids(Math.min(length, this.config.maxPositions))
  }

  size(ids: TextIds): number {
    return ids.length
  }

  sourceRows(ids: TextIds): number[] {
    return [ids.length]
  }

  first(): FirstId {
    return { id: this.config.decoderStartId, length: 0 }
  }

  /** C = E(ids), and its keys and values for every decoder layer. */
  start(
    pass: Pass<BartWeights>,
    texts: readonly TextIds[],
    cache: KvCache,
    slots: readonly number[],
  ): Started<undefined> {
    const batch = new RaggedBatch(texts)
    const states = encode(pass, batch)
    pass.trace?.('encoder.last_hidden_state', states, batch.rows)
    slots.forEach((slot, i) => {
      cache.setSources(slot, [batch.lengths[i]!])
    })
    const source = { states, counts: batch.lengths, rows: batch.rows }
    cacheSources(pass, cache, pass.weights.decoder.layers, slots, [source])
    return nothingTold(texts)
  }

  step(pass: Pass<BartWeights>, cache: KvCache, rows: NewIds): Tensor {
    const { layers } = pass.weights.decoder
    return decode(pass, cache, rows, (layer) => ({ bias: layers[layer]!.crossBias }))
  }

  /** It keeps nothing that may be missing. */
  forget(): void {}

  /** It holds nothing beside its weights. */
  dispose(): void {}
}
