import { InputError } from '../../errors.js'
import type { Gpu } from '../../gpu/gpu.js'
import type { Tensor } from '../../gpu/tensor.js'
import { decode, decoderStates } from '../../nn/decoder.js'
import { type CacheShape, KvCache, type NewIds, wholeSequences } from '../../nn/kv-cache.js'
import type { Pass } from '../../nn/pass.js'
import {
  type CacheSizes,
  type FirstId,
  type Model,
  nothingTold,
  type Started,
  usualIds,
  usualLength,
} from '../model.js'
import type { GptConfig } from './config.js'
import type { GptWeights } from './layout.js'

/** A prompt as ids, at least one; or with their positions, where those do not just count them. */
export type Prompt = readonly number[] | PlacedPrompt

/** Ids of a prompt, and where they stand: padding that a mask would leave out is left out, and positions run on over it. */
export interface PlacedPrompt {
  readonly ids: readonly number[]
  readonly positions: readonly number[]
}

/** What a slot of the cache holds: prompt and tail. */
export function gptCache({ decoderLayers, dModel, decoderHeads, maxPositions }: GptConfig): CacheShape {
  return { layers: decoderLayers, d: dModel, heads: decoderHeads, positions: maxPositions, sources: [] }
}

/** OpenAI's GPT: a decoder that goes on from a prompt. */
export class GptModel implements Model<Prompt, undefined> {
  readonly config: GptConfig
  readonly widestRow: number

  constructor(
    readonly gpu: Gpu,
    readonly weights: GptWeights,
  ) {
    const { vocabSize, decoderFfn } = weights.config
    this.config = weights.config
    this.widestRow = Math.max(vocabSize, decoderFfn)
  }

  get cacheShape(): CacheShape {
    return gptCache(this.config)
  }

  createCache(sizes: CacheSizes): KvCache {
    return new KvCache(this.gpu, { ...this.cacheShape, ...sizes })
  }

  /** As a rule half of what it reads at most, and the tail is the other. */
  usualInput(length = Math.min(usualLength, Math.ceil(this.config.maxPositions / 2)), ids = usualIds): Prompt {
    return ids(Math.min(length, this.config.maxPositions))
  }

  size(prompt: Prompt): number {
    return placed(prompt).ids.length
  }

  /** It attends to itself alone. */
  sourceRows(): number[] {
    return []
  }

  /** The prompt's last id. */
  first(prompt: Prompt): FirstId {
    const { ids, positions } = placed(prompt)
    return { id: ids.at(-1)!, length: ids.length - 1, position: positions.at(-1)! }
  }

  /** The keys and values of all ids but the last. @throws InputError where ids and positions are not as many. */
  start(
    pass: Pass<GptWeights>,
    inputs: readonly Prompt[],
    cache: KvCache,
    slots: readonly number[],
  ): Started<undefined> {
    const prompts = inputs.map(placed)
    if (prompts.some(({ ids }) => ids.length > 1)) {
      const ids = prompts.map((it) => it.ids.slice(0, -1))
      const positions = prompts.map((it) => it.positions.slice(0, -1))
      // What is traced are the steps.
      const { recorder, scratch, weights } = pass
      decoderStates({ recorder, scratch, weights }, cache, wholeSequences(pass.scratch, ids, slots, positions))
    }
    return nothingTold(inputs)
  }

  step(pass: Pass<GptWeights>, cache: KvCache, rows: NewIds): Tensor {
    return decode(pass, cache, rows)
  }

  /** It keeps nothing that may be missing. */
  forget(): void {}

  /** It holds nothing beside its weights. */
  dispose(): void {}
}

function placed(prompt: Prompt): PlacedPrompt {
  const { ids, positions } = 'ids' in prompt ? prompt : { ids: prompt, positions: [...prompt.keys()] }
  if (ids.length > 0 && ids.length === positions.length) return { ids, positions }
  throw new InputError(
    `a prompt has ${ids.length} ids and ${positions.length} positions: it needs one id, and as many of each`,
  )
}
