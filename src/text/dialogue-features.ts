import type { CometBlock, DialogueInput } from './dialogue.js'
import { contextIds, FEATURE_LIMITS, type FeatureLimits, type Features, textFeatures } from './features.js'
import { bracketed } from './strategies.js'
import type { Tokenizer } from './tokenizer.js'

/** What of a dialogue the model did not read, because it has no positions for it. */
export interface ContextCut {
  /** Utterances left out whole: the oldest. */
  readonly utterances: number
  /**
   * Ids left out, the EOS of each utterance among them. Of a very long dialogue the oldest utterances are not even turned
   * into ids: they are counted in `utterances` alone.
   */
  readonly ids: number
}

/** {@link Features} of a dialogue that is replied to. */
export interface DialogueFeatures extends Features {
  readonly cut: ContextCut
}

/** Characters that are turned into ids in one go, unless a single utterance has more: far more than a model takes. */
const BATCH_CHARACTERS = 16_000

/**
 * The ids of a dialogue that is replied to; the situation takes part through its blocks only. They are those of
 * {@link textFeatures}, but for a last utterance that alone is too long: of it the authors' cut leaves no word, here its
 * last ids stay.
 */
export async function dialogueFeatures(
  tokenizer: Tokenizer,
  { dialogue, blocks }: DialogueInput,
  limits: Partial<FeatureLimits> = {},
): Promise<DialogueFeatures> {
  const { maxPositions } = { ...FEATURE_LIMITS, ...limits }
  const line = ({ relation, tail }: CometBlock) => `${bracketed(relation)} ${tail}`
  const texts = {
    utterances: [],
    postBlocks: blocks?.post.map(line) ?? [],
    situationBlocks: blocks?.situation.map(line) ?? [],
  }
  const ids = await newestIds(
    tokenizer,
    dialogue.map(({ text }) => text),
    maxPositions,
    (ids) => idsIn(ids, tokenizer).length,
  )
  const context = replyContext(ids, tokenizer, maxPositions)
  return {
    ...(await textFeatures(tokenizer, texts, limits)),
    contextIds: context,
    cut: cutOf(ids, tokenizer, context, dialogue.length),
  }
}

/** The utterances' ids in a context; [CLS] is none of them. */
const idsIn = (utterances: readonly number[][], tokenizer: Tokenizer): number[] =>
  contextIds(utterances, tokenizer, Number.POSITIVE_INFINITY).slice(1)

/**
 * The ids of the newest utterances, oldest first: batch by batch, until there are more than a context takes. What is older
 * has no part in the context, and costs nothing.
 *
 * @param most ids that a context takes
 * @param count how many of them a batch of utterances makes
 */
export async function newestIds(
  tokenizer: Tokenizer,
  texts: readonly string[],
  most: number,
  count: (utterances: readonly number[][]) => number,
): Promise<number[][]> {
  const batches: number[][][] = []
  let ids = 0
  for (let end = texts.length; end > 0 && ids <= most; ) {
    let start = end - 1
    let characters = texts[start]!.length
    while (start > 0 && characters + texts[start - 1]!.length <= BATCH_CHARACTERS) characters += texts[--start]!.length
    const batch = await tokenizer.encodeBatch(texts.slice(start, end))
    batches.unshift(batch)
    ids += count(batch)
    end = start
  }
  return batches.flat()
}

function replyContext(utterances: readonly number[][], tokenizer: Tokenizer, maxPositions: number): number[] {
  const { clsId, eosId } = tokenizer
  const context = contextIds(utterances, tokenizer, maxPositions)
  if (context.some((id) => id !== clsId && id !== eosId)) return context
  const ids = idsIn(utterances, tokenizer)
  return [clsId, ...ids.slice(Math.max(0, ids.length - (maxPositions - 1)))]
}

/** What a context lacks of a dialogue of so many utterances, of which the newest were read. */
function cutOf(
  read: readonly number[][],
  tokenizer: Tokenizer,
  context: readonly number[],
  utterances: number,
): ContextCut {
  const kept = context.length - 1
  let whole = 0
  for (let ids = 0; ids < kept; whole++) ids += idsIn([read.at(-1 - whole)!], tokenizer).length
  return { utterances: utterances - whole, ids: idsIn(read, tokenizer).length - kept }
}
