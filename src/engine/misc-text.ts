import type { MiscConfig } from '../models/misc/config.js'
import type { StrategyScores } from '../models/misc/model.js'
import { seekerMentionsCrisis } from '../text/crisis.js'
import { type CometBlock, type DialogueInput, parseInput } from '../text/dialogue.js'
import { dialogueFeatures } from '../text/dialogue-features.js'
import { type Features, idsFeatures } from '../text/features.js'
import { RELATIONS } from '../text/strategies.js'
import type { Tokenizer } from '../text/tokenizer.js'
import type { BlockWriter } from './block-writer.js'
import { dialogueIds, featureLimits } from './model-text.js'
import { type MiscOptions, type MiscTypes, type ReplyBlock, type ReplyBlocks, strategyProbabilities } from './reply.js'
import type { ReplyTimer } from './reply-timer.js'
import { strategyMixture } from './strategy-mixture.js'
import type { ReadQuestion, TextSide } from './text-side.js'

/** MISC's dialogues: their context and blocks as ids (model-spec §3). */
export class MiscText implements TextSide<MiscTypes> {
  readonly options = ['strategy'] as const

  constructor(
    readonly words: Tokenizer,
    readonly config: MiscConfig,
    /** Writes the blocks of dialogues that come without any. */
    readonly writer: BlockWriter | undefined,
  ) {}

  async read(
    question: unknown,
    { strategy, signal }: MiscOptions & { readonly signal?: AbortSignal | undefined },
    timer?: ReplyTimer,
  ): Promise<ReadQuestion<MiscTypes>> {
    const parsed = parseInput(question)
    const limits = featureLimits(this.config)
    const of = (features: Features, blocks: ReplyBlocks) => ({
      input: { ...dialogueIds(features), ...(strategy !== undefined && { strategy: strategyProbabilities(strategy) }) },
      context: features.contextIds,
      details: (told: StrategyScores | undefined) => ({ strategy: told && strategyMixture(told), blocks }),
    })
    if ('ids' in parsed) {
      const features = idsFeatures(parsed, this.words.vocabSize, limits)
      const named = (blocks: number[][]) => blocks.map((ids) => this.#block(ids))
      const blocks = { post: named(features.postBlocks), situation: named(features.situationBlocks) }
      return { ...of(features, blocks), cut: { utterances: 0, ids: 0 }, crisis: false }
    }
    const source = parsed.blocks ? 'given' : 'inferred'
    const written = parsed.blocks ?? (await this.#infer(parsed, signal, timer)) ?? { post: [], situation: [] }
    const { cut, ...features } = await dialogueFeatures(this.words, { ...parsed, blocks: written }, limits)
    const read = (blocks: readonly CometBlock[], most: number) =>
      blocks.slice(0, most).map((it) => ({ ...it, source }) as const)
    const blocks = {
      post: read(written.post, limits.postBlocks),
      situation: read(written.situation, limits.situationBlocks),
    }
    return { ...of(features, blocks), cut, crisis: seekerMentionsCrisis(parsed) }
  }

  get idle(): boolean {
    return this.writer?.comet.idle ?? true
  }

  forget(): void {
    this.writer?.forget()
  }

  /** Has the COMET write a dialogue's blocks. */
  async #infer(dialogue: DialogueInput, signal: AbortSignal | undefined, timer: ReplyTimer | undefined) {
    if (!this.writer) return undefined
    const blocks = await this.writer.write(dialogue, { signal, watch: timer })
    timer?.written()
    return blocks
  }

  /** What a block says, read off its ids. */
  #block(ids: readonly number[]): ReplyBlock {
    const { relationIds } = this.words
    const relation = RELATIONS.find((name) => relationIds[name] === ids[0])
    return { relation, tail: this.words.decode(relation ? ids.slice(1) : ids), source: 'given' }
  }
}
