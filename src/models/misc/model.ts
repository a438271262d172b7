import type { Gpu } from '../../gpu/gpu.js'
import type { Tensor } from '../../gpu/tensor.js'
import type { CacheShape, NewIds } from '../../nn/kv-cache.js'
import type { Pass } from '../../nn/pass.js'
import { type CacheSizes, type FirstId, type Model, type Started, usualIds, usualLength } from '../model.js'
import { BlockCache } from './block-cache.js'
import type { MiscConfig } from './config.js'
import { decodeReplies, MiscCache, miscCache } from './decoder.js'
import type { MiscWeights } from './layout.js'
import { type DialogueIds, encodeDialogues, prepareDecoding } from './misc.js'

/** What eq. 5 says of a dialogue, by strategy. */
export interface StrategyScores {
  /** As the model predicts them. */
  readonly logits: Float32Array
  /** Predicted, or the caller's own. */
  readonly probs: Float32Array
}

/** MISC behind the seam; it keeps the states of blocks that it has seen before. */
export class MiscModel implements Model<DialogueIds, StrategyScores> {
  readonly config: MiscConfig
  readonly widestRow: number
  readonly blocks: BlockCache

  constructor(
    readonly gpu: Gpu,
    readonly weights: MiscWeights,
  ) {
    const { vocabSize, decoderFfn, dModel } = weights.config
    this.config = weights.config
    this.widestRow = Math.max(vocabSize, decoderFfn, 3 * dModel, weights.decoder.layers.length * dModel)
    this.blocks = new BlockCache(gpu, dModel)
  }

  get cacheShape(): CacheShape {
    return miscCache(this.config)
  }

  createCache(sizes: CacheSizes): MiscCache {
    return new MiscCache(this.gpu, this.config, sizes)
  }

  /** With blocks, all distinct. */
  usualInput(length = usualLength, ids = usualIds): DialogueIds {
    const { maxPositions, maxPostBlocks, maxSituationBlocks, maxBlockLength } = this.config
    const blocks = (count: number) =>
      Array.from({ length: count }, (_, i) => [i, ...ids(Math.min(4, maxBlockLength - 1))])
    const context = ids(Math.min(length, maxPositions))
    return { context, post: blocks(Math.min(30, maxPostBlocks)), situation: blocks(Math.min(20, maxSituationBlocks)) }
  }

  /** Some of its blocks may be known. */
  size({ context, post, situation }: DialogueIds): number {
    return [context, ...post, ...situation].reduce((sum, ids) => sum + ids.length, 0)
  }

  sourceRows({ context, post, situation }: DialogueIds): number[] {
    return [context.length, post.length, situation.length]
  }

  first(): FirstId {
    return { id: this.config.decoderStartId, length: 0 }
  }

  /** Eq. 1–6, and what the decoder needs of them (eq. 7). */
  start(
    pass: Pass<MiscWeights>,
    dialogues: readonly DialogueIds[],
    cache: MiscCache,
    slots: readonly number[],
  ): Started<StrategyScores> {
    const encoded = encodeDialogues(pass, this.blocks, dialogues)
    prepareDecoding(pass, cache, slots, encoded)
    const { logits, probs } = encoded.strategy
    const width = this.config.numStrategies
    return {
      tensors: [logits, probs],
      read: ([logits, probs]) =>
        dialogues.map((_, row) => {
          const of = (values: Float32Array) => values.slice(row * width, (row + 1) * width)
          return { logits: of(logits!), probs: of(probs!) }
        }),
    }
  }

  step(pass: Pass<MiscWeights>, cache: MiscCache, rows: NewIds): Tensor {
    return decodeReplies(pass, cache, rows)
  }

  forget(): void {
    // Blocks that were to be encoded may not have been.
    this.blocks.clear()
  }

  dispose(): void {
    this.blocks.dispose()
  }
}
