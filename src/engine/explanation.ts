import type { ResolvedOptions } from '../generation/options.js'
import type { WeightDtype } from '../gpu/tensor.js'
import type { SourceName } from '../models/misc/sources.js'
import type { StrategyName } from '../text/strategies.js'
import type { EngineTypes } from './engine-types.js'
import type { DrawnReply, MiscTypes, ReplyBlock } from './reply.js'

/** An id and its text. */
export interface Piece {
  /** Its place in the vocabulary. */
  readonly id: number
  /** As the vocabulary writes it: blenderbot_small's `xx@@` is a word's beginning; '' where it has no text. */
  readonly text: string
}

/** An id that could have been drawn. */
export interface ExplainedCandidate extends Piece {
  /** Of the draw: those of all that were left add up to 1. */
  readonly probability: number
}

/** An id of a reply, and how sure the model was of it. */
export interface ExplainedWord extends Piece {
  /** Of the draw: after the score processors, temperature, top-k and top-p. Without sampling, after the processors alone. */
  readonly probability: number
  /** As the model's own logits say, before anything of that. */
  readonly modelProbability: number
  /** How many ids top-k and top-p left to draw from; without sampling, those within 2^-32 of the best. */
  readonly left: number
  /** The likeliest of them, ten at most, best first. */
  readonly candidates: readonly ExplainedCandidate[]
}

/** @internal Candidates that are told of a word, at most. */
export const MOST_CANDIDATES = 10

/** A reply, and what of the model's numbers it came from. */
export interface Explanation<Types extends EngineTypes = MiscTypes> {
  /** The model's family. */
  readonly family: Types['family']
  /** As `reply` gives it. */
  readonly reply: DrawnReply & Types['details']
  /** What the model read of the dialogue. */
  readonly context: readonly Piece[]
  /** The reply's ids in order; the last is the end, where one was drawn and the model has a single id for it. */
  readonly words: readonly ExplainedWord[]
  /** With what it was drawn; the same again draw the same reply. */
  readonly options: ResolvedOptions
  /** The number format of weight matrices on the GPU. */
  readonly dtype: WeightDtype
}

/** A number for each source of the decoder's cross-attention. */
export type BySource = Readonly<Record<SourceName, number>>

/** What the decoder looked at when it made a word: weights averaged over layers and heads; those of a source add up to 1. */
export interface WordAttention {
  /** By {@link Explanation.context}. */
  readonly context: readonly number[]
  /** By {@link MiscExplanation.blocks}. */
  readonly post: readonly number[]
  /** By {@link MiscExplanation.blocks}. */
  readonly situation: readonly number[]
}

/** A word of MISC's reply. */
export interface MiscWord extends ExplainedWord {
  /** Norms of the four summands of eq. 7, biases included, in the units of the decoder's hidden states. */
  readonly contributions: {
    /** The first layer first. */
    readonly byLayer: readonly BySource[]
    /** Of all layers. */
    readonly sum: BySource
  }
  /** Where it looked. */
  readonly attention: WordAttention
}

/** A COMET block, and how much of its source's attention it had. */
export interface ExplainedBlock extends ReplyBlock {
  /** Averaged over words, layers and heads; those of a source add up to 1. 0 where no word was drawn. */
  readonly attention: number
}

/** MISC's reply, and what of its numbers it came from. */
export interface MiscExplanation extends Explanation<MiscTypes> {
  readonly words: readonly MiscWord[]
  /** The mixtures of strategies. */
  readonly strategies: {
    /** The model's own. */
    readonly predicted: Readonly<Record<StrategyName, number>>
    /** The caller's own, where one was given. */
    readonly given: Readonly<Record<StrategyName, number>> | undefined
  }
  /** What it read of the person's state. */
  readonly blocks: {
    /** Of the last post. */
    readonly post: readonly ExplainedBlock[]
    /** Of the situation. */
    readonly situation: readonly ExplainedBlock[]
  }
}
