import { InputError } from '../errors.js'
import type { GenerationOptions } from '../generation/options.js'
import type { DialogueIds } from '../models/misc/misc.js'
import type { StrategyScores } from '../models/misc/model.js'
import { quote } from '../quote.js'
import type { DialogueInput, IdsInput } from '../text/dialogue.js'
import type { ContextCut } from '../text/dialogue-features.js'
import { type RelationName, STRATEGIES, type StrategyName, strategyIndex } from '../text/strategies.js'
import type { EngineTypes } from './engine-types.js'

/** A support strategy by its name, or a mixture of all eight: probabilities in the order of {@link STRATEGIES}. */
export type StrategyChoice = StrategyName | readonly number[]

/** How a reply is drawn, and what stops it. */
export interface DrawOptions extends GenerationOptions {
  /** Stops the reply within one id; it then resolves with what was drawn and `finishReason` `aborted`. */
  readonly signal?: AbortSignal | undefined
}

/** What is said of how MISC replies. */
export interface MiscOptions {
  /** Overrules the mixture that the model predicts (the paper's Table 7). */
  readonly strategy?: StrategyChoice | undefined
}

/** How MISC's reply is drawn, in which strategy, and what stops it. */
export type ReplyOptions = DrawOptions & MiscOptions

/** The strategy mixture of a reply. */
export interface StrategyMixture {
  /** Probability of each strategy: predicted, or the caller's own. */
  readonly probs: Readonly<Record<StrategyName, number>>
  /** The strategy that the model thinks most likely, whatever the caller gave. */
  readonly predicted: StrategyName
}

/** What is said of how BlenderBot-Joint replies. */
export interface JointOptions {
  /** The strategy of the reply, by its name or as a mixture of that alone; default: one is chosen. */
  readonly strategy?: StrategyChoice | undefined
  /** Whether a strategy is drawn at random, or the likeliest is taken; default: as words are. */
  readonly sampleStrategy?: boolean | undefined
}

/** The strategy that BlenderBot-Joint replied in. */
export interface ChosenStrategy extends StrategyMixture {
  /** Drawn, or the caller's; undefined where the reply was aborted before. */
  readonly chosen: StrategyName | undefined
}

/** What BlenderBot-Joint tells of a reply. */
export interface JointDetails {
  /** Undefined where the reply was aborted before its dialogue was encoded. `probs` are always those that the model predicts. */
  readonly strategy: ChosenStrategy | undefined
}

/** Why a reply ended: an id that ends replies was drawn, it is as long as allowed, or the caller aborted it. */
export type FinishReason = 'stop' | 'length' | 'aborted'

/** One of several replies that a beam search found. */
export interface ReplySequence {
  /** As {@link DrawnReply.text}. */
  readonly text: string
  /** Without the start id and EOS. */
  readonly ids: readonly number[]
  /** As {@link DrawnReply.score}. */
  readonly score: number
  /** As {@link DrawnReply.finishReason}. */
  readonly finishReason: FinishReason
}

/** A commonsense inference that the model read. */
export interface ReplyBlock {
  /** Undefined where the block was given as ids and opens with no relation. */
  readonly relation: RelationName | undefined
  /** What is inferred: a few words, the relation left out. */
  readonly tail: string
  /** Whether it came with the dialogue, or the COMET inferred it. */
  readonly source: 'given' | 'inferred'
}

/** The blocks of a dialogue, as many as the model reads. */
export interface ReplyBlocks {
  /** Those about the seeker's last post. */
  readonly post: readonly ReplyBlock[]
  /** Those about the situation. */
  readonly situation: readonly ReplyBlock[]
}

/** A finished reply of any family. */
export interface DrawnReply {
  /** What the supporter says, as the family's tokenizer writes it. */
  readonly text: string
  /** Ids drawn, without the start id and EOS. */
  readonly ids: readonly number[]
  /** Why it ended. */
  readonly finishReason: FinishReason
  /**
   * Of a beam search: the sum of the ids' log-probabilities, as the score processors left them, / length^`lengthPenalty`, the
   * length with the start id and without EOS. Undefined where it was drawn, or aborted before its first id.
   */
  readonly score: number | undefined
  /** Of a beam search with `numReturnSequences` above 1: so many, or as many as there can be, best first. The first is the reply. */
  readonly sequences: readonly ReplySequence[] | undefined
  /** What of the dialogue the model did not read, because it has no positions for it; of ids nothing. */
  readonly cut: ContextCut
  /**
   * Whether the situation or anything that the seeker said has words of suicide, self-harm or violence
   * ({@link mentionsCrisis}, a crude list): show her where to find help. It changes nothing of the reply. Ids are not
   * looked at: false.
   */
  readonly crisis: boolean
  /** Repeats the reply; a beam search needs none. */
  readonly seed: number
  /** Wall time in milliseconds; ids drawn together with other replies share theirs. */
  readonly timings: ReplyTimings
  /** The adapter that computed it. */
  readonly adapter: string
}

/** What MISC tells of a reply. */
export interface MiscDetails {
  /** Undefined where the reply was aborted before its dialogue was encoded. */
  readonly strategy: StrategyMixture | undefined
  /** What it read of COMET, given or inferred. */
  readonly blocks: ReplyBlocks
}

/** What is MISC's own of an engine. */
export interface MiscTypes extends EngineTypes {
  readonly family: 'misc'
  readonly question: DialogueInput | IdsInput
  /** @internal */
  readonly input: DialogueIds
  /** @internal */
  readonly told: StrategyScores
  readonly details: MiscDetails
  readonly options: MiscOptions
}

/** MISC's reply. */
export type Reply = DrawnReply & MiscDetails

/** Milliseconds. */
export interface ReplyTimings {
  /** From text to ids, inferring blocks where none are given. */
  readonly readMs: number
  /** What of it inferring the blocks took, by part; all 0 where they were given, or nothing infers any. */
  readonly inferMs: InferenceTimings
  /** Blocks, context, fusion, strategy and the keys and values of the sources. */
  readonly encodeMs: number
  /** From the call to the first id; of a beam search, to the first of its beams. */
  readonly firstTokenMs: number
  /** Between one id and the next, of all beams together; NaN where there are fewer than two. */
  readonly perTokenMs: {
    /** Half of them took no longer. */
    readonly median: number
    /** Of twenty, nineteen took no longer. */
    readonly p95: number
  }
}

/**
 * Milliseconds, one part after the other. What is known of a text from an earlier reply takes no time; where another reply has
 * just asked for it, waiting counts as `blocks`.
 */
export interface InferenceTimings {
  /** From text to the queries' ids. */
  readonly queries: number
  /** The COMET's encoder, and the first id of every tail. */
  readonly tailsStart: number
  /** All further ids. */
  readonly tailsSteps: number
  /** From tails to blocks. */
  readonly blocks: number
}

/**
 * The probabilities of a caller's choice.
 *
 * @throws InputError for an unknown name, or numbers that are no mixture of eight.
 */
export function strategyProbabilities(choice: StrategyChoice): number[] {
  if (typeof choice === 'string') {
    const index = strategyIndex(choice)
    return STRATEGIES.map((_, i) => (i === index ? 1 : 0))
  }
  if (!Array.isArray(choice) || choice.length !== STRATEGIES.length) {
    throw new InputError(`strategy must be a name or ${STRATEGIES.length} probabilities, got ${quote(choice)}`)
  }
  // `Array.from`, as an array may have holes.
  const probabilities: unknown[] = Array.from(choice)
  const sum = (numbers: readonly number[]) => numbers.reduce((total, it) => total + it, 0)
  const areProbabilities = (them: readonly unknown[]): them is number[] =>
    them.every((it) => typeof it === 'number' && it >= 0 && it < Infinity)
  if (!areProbabilities(probabilities) || Math.abs(sum(probabilities) - 1) > 1e-3) {
    throw new InputError(`strategy probabilities must be 0 or more and add up to 1, got ${quote(choice)}`)
  }
  return probabilities
}
