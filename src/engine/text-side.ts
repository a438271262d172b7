import type { ResolvedOptions } from '../generation/options.js'
import type { ContextCut } from '../text/dialogue-features.js'
import type { TextStream } from '../text/text-stream.js'
import type { EngineTypes } from './engine-types.js'
import type { ReplyTimer } from './reply-timer.js'

/** An id that a reply opens with before its words, to be drawn from the rules' openings. */
export interface Opening<Input> {
  /** How it is drawn, where words are drawn so. */
  options(words: ResolvedOptions): ResolvedOptions
  /** The input of a reply that has it. */
  chosen(id: number): Input
}

/** A question, read. */
export interface ReadQuestion<Types extends EngineTypes> {
  readonly input: Types['input']
  /** The context's ids, for the score processors to see where `penalizeContext` says so. */
  readonly context: readonly number[]
  /** Where the reply opens with an id that is to be drawn. */
  readonly opening?: Opening<Types['input']>
  /** Where it is known: the ids after the start id that the reply opens with, from the last of which the input has it go on. */
  readonly begun?: readonly number[]
  readonly cut: ContextCut
  readonly crisis: boolean
  /**
   * @param told undefined where the reply was stopped before the model said anything.
   * @param opening the id that was drawn for it.
   */
  details(told: Types['told'] | undefined, opening?: number): Types['details']
}

/** With what a question is read. */
export type ReadOptions<Types extends EngineTypes> = Types['options'] & {
  /** The reply's, for a model whose reading is random. */
  readonly seed: number
  readonly signal?: AbortSignal | undefined
}

/** Between words and a model: from what is asked to ids, and from ids to words. All that an engine needs of a family beside its model. */
export interface TextSide<Types extends EngineTypes> {
  /** Names of the family's own options. */
  readonly options: readonly (keyof Types['options'])[]
  /** From ids to text. */
  readonly words: {
    decode(ids: readonly number[]): string
    /** @param withSpecials whether padding, start, end and their like are part of the text, where a vocabulary can */
    stream(withSpecials?: boolean): TextStream
  }
  /**
   * Checks a question and turns it into ids.
   *
   * @param timer told how that comes about, where it takes long
   * @throws InputError for a question or an option that is wrong
   */
  read(question: unknown, options: ReadOptions<Types>, timer?: ReplyTimer): Promise<ReadQuestion<Types>>
  /** Whether it computes nothing on the GPU; where it never does, nothing. */
  readonly idle?: boolean
  /** The next question is read as if nothing of it had ever been met; where nothing is kept, nothing. */
  forget?(): void
}
