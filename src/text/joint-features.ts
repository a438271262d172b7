import type { Utterance } from './dialogue.js'
import type { EsconvRow } from './esconv-row.js'
import { folded, type JoinedContext, joinedContext } from './joined-context.js'
import { JOINT_PROGRAMS, type JointTokens, strategyId } from './joint-programs.js'
import type { StrategyName } from './strategies.js'
import type { Tokenizer } from './tokenizer.js'

/** A turn as BlenderBot-Joint reads it: a supporter's with its strategy, as far as that is known. */
export interface JointTurn extends Pick<Utterance, 'text'> {
  readonly strategy?: StrategyName | null | undefined
}

/**
 * The ids of a dialogue that is replied to, by the rules of its program. White space is folded, a strategy's id stands before
 * its utterance, EOS between utterances.
 *
 * - `codes`: of the last four utterances; EOS after the last too. Over 512 ids the context starts at the first EOS among the last
 *   512; where that leaves no word, because the last utterance alone is too long, its last ids stay, which is not the program's.
 * - `codes_zcj`: the last 160 ids, wherever that cuts. Where there is no id at all, EOS, which the program has not.
 *
 * @param maxPositions the model's: a context has no more
 */
export async function jointContext(
  tokenizer: Tokenizer,
  tokens: JointTokens,
  dialogue: readonly JointTurn[],
  maxPositions: number,
): Promise<JoinedContext> {
  const { endsContext, contextIds, contextUtterances } = JOINT_PROGRAMS[tokens.program]
  const turns = dialogue.slice(-contextUtterances).map(({ strategy, text }) => ({
    label: strategy ? [strategyId(tokens, strategy)] : [],
    text,
  }))
  const joined = await joinedContext(tokenizer, turns, {
    separator: tokenizer.eosId,
    endsLast: endsContext,
    most: Math.min(contextIds, maxPositions),
    startsAtSeparator: endsContext,
  })
  const { ids, utterances } = joined.cut
  return { ...joined, cut: { utterances: utterances + dialogue.length - turns.length, ids } }
}

/** What a target is: strategy, reply, EOS, cut to as many ids as its program has of them, or the model positions for. */
export async function jointTarget(
  tokenizer: Tokenizer,
  tokens: JointTokens,
  { strategy, text }: { readonly strategy: StrategyName; readonly text: string },
  maxPositions: number,
): Promise<number[]> {
  const ids = await tokenizer.encode(folded(text))
  const target = [strategyId(tokens, strategy), ...ids, tokenizer.eosId]
  return target.slice(0, Math.min(JOINT_PROGRAMS[tokens.program].targetIds, maxPositions))
}

/** What `misc features` prints of a row for BlenderBot-Joint: its program's ids. */
export interface JointFeatures {
  split: EsconvRow['split']
  row: number
  input_ids: number[]
  /** Start, then the labels without the last. */
  decoder_input_ids: number[]
  /** Strategy, reply, EOS; no EOS where the reply is cut. */
  labels: number[]
  /** Index 0–7 of the strategy, in the order of the program's ids. */
  strategy_id: number
}

/**
 * The ids of a row, as its program makes them.
 *
 * @returns undefined where the reply has no strategy: neither program takes such a row
 */
export async function jointFeatures(
  tokenizer: Tokenizer,
  tokens: JointTokens,
  { split, row, context, reply }: EsconvRow,
  maxPositions: number,
): Promise<JointFeatures | undefined> {
  const { strategy, text } = reply
  if (!strategy) return undefined
  const { contextIds } = await jointContext(tokenizer, tokens, context, maxPositions)
  const labels = await jointTarget(tokenizer, tokens, { strategy, text }, maxPositions)
  const decoderIds = [tokenizer.startId, ...labels.slice(0, -1)]
  const strategyIndex = JOINT_PROGRAMS[tokens.program].strategies.indexOf(strategy)
  return { split, row, input_ids: contextIds, decoder_input_ids: decoderIds, labels, strategy_id: strategyIndex }
}

/** What to tell of replies that {@link jointFeatures} leaves out. */
export const unnamedReplies = (data: string, count: number): string =>
  `${data}: ${count} replies name no strategy, and are left out, as BlenderBot-Joint takes none without`
