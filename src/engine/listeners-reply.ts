import type { ContextIds, EmotionScores } from '../models/listeners/model.js'
import type { DialogueInput, IdsInput } from '../text/dialogue.js'
import type { WordContextOptions } from '../text/word-context.js'
import type { EngineTypes } from './engine-types.js'

/** What is said of how Transformer, MoEL or MIME reads a dialogue. */
export interface ListenersOptions extends WordContextOptions {
  /**
   * MIME draws noise beside the words, as released: from the reply's seed, N(0, 1). `zero` has it take the means, so that a reply
   * without chance in its words has none at all.
   */
  readonly noise?: 'zero' | undefined
}

/** What a model thinks of the seeker's emotion. */
export interface EmotionMixture {
  /** Probability of each, by name: EmpatheticDialogues' 32 or ESConv's 11, as many as the model has. */
  readonly probs: Readonly<Record<string, number>>
  /** The likeliest. */
  readonly predicted: string
}

/** What Transformer, MoEL and MIME tell of a reply. */
export interface ListenersDetails {
  /**
   * Undefined where the reply was aborted before its dialogue was encoded. A Transformer that was not trained on emotions (without
   * `--multitask`) has the tensor for it all the same: what it then says means nothing.
   */
  readonly emotion: EmotionMixture | undefined
  /** MoEL's: the weight of each listener, by its emotion; 0 for those that do not listen. */
  readonly listeners: Readonly<Record<string, number>> | undefined
}

/** What is the baselines' own of an engine. */
export interface ListenersTypes extends EngineTypes {
  readonly family: 'listeners'
  readonly question: DialogueInput | IdsInput
  /** @internal */
  readonly input: ContextIds
  /** @internal */
  readonly told: EmotionScores
  readonly details: ListenersDetails
  readonly options: ListenersOptions
}
