import { InputError } from '../errors.js'
import type { ListenersConfig } from '../models/listeners/config.js'
import type { EmotionScores } from '../models/listeners/model.js'
import { quote } from '../quote.js'
import { seekerMentionsCrisis } from '../text/crisis.js'
import { type DialogueInput, type IdsInput, parseInput } from '../text/dialogue.js'
import { emotionNames } from '../text/emotions.js'
import { checkIds } from '../text/features.js'
import { type WordContextOptions, wordContext } from '../text/word-context.js'
import { WORD_IDS, type WordVocabulary } from '../text/word-vocabulary.js'
import type { EmotionMixture, ListenersTypes } from './listeners-reply.js'
import type { ReadOptions, ReadQuestion, TextSide } from './text-side.js'

/** Dialogues as Transformer, MoEL and MIME read them: words and roles (baselines §6). Situations and blocks are no part of it. */
export class ListenersText implements TextSide<ListenersTypes> {
  readonly options = ['noise', 'roles', 'tokenized'] as const
  readonly #emotions: readonly string[]

  constructor(
    readonly words: WordVocabulary,
    readonly config: ListenersConfig,
  ) {
    this.#emotions = emotionNames(config.numEmotions)
  }

  async read(
    question: unknown,
    { noise, seed, ...options }: ReadOptions<ListenersTypes>,
  ): Promise<ReadQuestion<ListenersTypes>> {
    if (noise !== undefined && noise !== 'zero') throw new InputError(`noise must be "zero", got ${quote(noise)}`)
    const parsed = parseInput(question)
    const { ids, roles, cut } = this.#context(parsed, options)
    const drawn = this.config.modelType === 'mime' && { noise: noise ?? { seed } }
    return {
      input: { ids, roles, ...drawn },
      context: ids,
      cut,
      crisis: !('ids' in parsed) && seekerMentionsCrisis(parsed),
      details: (told) => ({
        emotion: told && this.#mixture(told),
        listeners: told?.listeners && this.#named(told.listeners),
      }),
    }
  }

  #context(input: DialogueInput | IdsInput, options: WordContextOptions) {
    const { maxPositions } = this.config
    if (!('ids' in input)) return wordContext(this.words, input.dialogue, maxPositions, options)
    const { context, post = [], situation = [], roles } = input.ids
    if (post.length + situation.length > 0)
      throw new InputError('ids.post and ids.situation: this model reads no blocks')
    checkIds(context, 'ids.context', this.words.size, maxPositions)
    if (roles?.length !== context.length) {
      throw new InputError(
        `ids.roles: expected one for each of the ${context.length} ids of ids.context, got ${roles?.length ?? 'none'}`,
      )
    }
    const known: readonly number[] = [WORD_IDS.USR, WORD_IDS.SYS, WORD_IDS.CLS]
    const wrong = roles.findIndex((id) => !known.includes(id))
    if (wrong >= 0) {
      throw new InputError(
        `ids.roles[${wrong}]: expected 4 (seeker), 5 (supporter) or 6 (CLS), got ${quote(roles[wrong])}`,
      )
    }
    return { ids: context, roles, cut: { utterances: 0, ids: 0 } }
  }

  #mixture({ logits }: EmotionScores): EmotionMixture {
    const best = Math.max(...logits)
    const powers = Array.from(logits, (logit) => Math.exp(logit - best))
    const sum = powers.reduce((a, b) => a + b)
    const probs = this.#named(powers.map((it) => it / sum))
    return { probs, predicted: this.#emotions[logits.indexOf(best)]! }
  }

  #named(values: ArrayLike<number>): Record<string, number> {
    return Object.fromEntries(this.#emotions.map((name, i) => [name, values[i]!]))
  }
}
