import { type ContextCut, newestIds } from './dialogue-features.js'
import type { Tokenizer } from './tokenizer.js'
import { splitSpace } from './words.js'

/** A dialogue in a row of ids. */
export interface JoinedContext {
  /** At least one. */
  readonly contextIds: number[]
  readonly cut: ContextCut
}

/** How utterances are joined to a row of ids. */
export interface Joining {
  /** The id between two utterances. */
  readonly separator: number
  /** Whether it stands after the last one too. */
  readonly endsLast: boolean
  /** Ids of a context, at most: the last ones are kept. */
  readonly most: number
  /** Whether what is cut starts at the first separator that is kept, unless no word would be left. */
  readonly startsAtSeparator: boolean
}

/** An utterance, and the ids that stand before its text's. */
export interface JoinedUtterance {
  readonly label: readonly number[]
  /** Its white space is folded. */
  readonly text: string
}

/** The ids of a dialogue, oldest utterance first; where there is none at all, one separator. */
export async function joinedContext(
  tokenizer: Tokenizer,
  dialogue: readonly JoinedUtterance[],
  { separator, endsLast, most, startsAtSeparator }: Joining,
): Promise<JoinedContext> {
  const texts = dialogue.map(({ text }) => folded(text))
  const read = await newestIds(tokenizer, texts, most, (batch) => batch.flat().length + batch.length)
  const utterances = dialogue
    .slice(-read.length)
    .map(({ label }, i) => [...label, ...read[i]!, ...(endsLast || i < read.length - 1 ? [separator] : [])])
  const all = utterances.flat()
  const kept = all.slice(Math.max(0, all.length - most))
  const first = startsAtSeparator && kept.length < all.length ? kept.indexOf(separator) : 0
  const contextIds = first < kept.length - 1 ? kept.slice(first) : kept
  const cut = cutOf(utterances, separator, all.length - contextIds.length, dialogue.length - read.length)
  return { contextIds: contextIds.length > 0 ? contextIds : [separator], cut }
}

/** A text whose white space of any kind is single spaces. */
export const folded = (text: string): string => splitSpace(text).join(' ')

/** What of utterances is not in a context that lacks so many of their first ids. */
function cutOf(utterances: readonly (readonly number[])[], separator: number, ids: number, unread: number): ContextCut {
  let left = ids
  let whole = 0
  for (const utterance of utterances) {
    // Its separator alone is nothing of it.
    const own = utterance.at(-1) === separator ? utterance.length - 1 : utterance.length
    if (left === 0 || left < own) break
    left -= Math.min(left, utterance.length)
    whole++
  }
  return { utterances: unread + whole, ids }
}
