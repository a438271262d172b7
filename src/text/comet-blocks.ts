import { type CometBlock, type DialogueInput, lastSeekerPost } from './dialogue.js'
import { FEATURE_LIMITS } from './features.js'
import { RELATIONS, type RelationName } from './strategies.js'
import { splitSpace } from './words.js'

/** What a block is about: the seeker's last post (x in eq. 2) or the situation (s). */
export type BlockSource = 'post' | 'situation'

/** A COMET's tails, best first, by relation. */
export type TailsByRelation = Readonly<Partial<Record<RelationName, readonly string[]>>>

/** Tails of one relation that become blocks, at most. */
const TAILS = 5

/**
 * The relations that are asked of a text, in the order in which their blocks stand: so in all 3,528 rows of misc-esconv's dev and
 * test. Of the situation those about others (`o…`) are not asked.
 */
export const blockRelations: Readonly<Record<BlockSource, readonly RelationName[]>> = {
  post: RELATIONS,
  situation: RELATIONS.filter((relation) => relation.startsWith('x')),
}

/**
 * The texts of a dialogue that a COMET is asked about, without white space around them; undefined where there is none. The
 * post is the seeker's last utterance alone, whatever she said right before it and whatever was said since: in misc-esconv
 * rows with the same last utterance have the same blocks, all of the time.
 */
export function cometEvents({
  dialogue,
  situation,
}: Pick<DialogueInput, 'dialogue' | 'situation'>): Record<BlockSource, string | undefined> {
  const event = (text = '') => splitSpace(text).join(' ') || undefined
  return { post: event(lastSeekerPost(dialogue)), situation: event(situation) }
}

/**
 * Blocks of a text, as the authors' data compose them: relation after relation, the best tail first, five tails of a relation
 * at most. Tails that say nothing (empty, `none`, no letter or digit) and those that a relation has had (letter case aside) are
 * dropped first.
 *
 * At most `limit` blocks stay, by default as many as the paper's model reads (30 of a post, 20 of a situation). Where there are
 * more, the last tails of the relations go, so that each relation keeps about as many. The data leave this open: no post has
 * more than 27 blocks there, because most relations have one to three tails; but nearly all (98 %) hold some about others, of
 * which the first 30 of 45 would leave none.
 */
export function cometBlocks(
  tails: TailsByRelation,
  source: BlockSource,
  limit: number = source === 'post' ? FEATURE_LIMITS.postBlocks : FEATURE_LIMITS.situationBlocks,
): CometBlock[] {
  const ranked = blockRelations[source].flatMap((relation) =>
    distinct(tails[relation] ?? [])
      .slice(0, TAILS)
      .map((tail, rank) => ({ rank, block: { relation, tail } })),
  )
  // Sorting is stable: of a rank the first relations go first.
  const kept = new Set([...ranked].sort((a, b) => a.rank - b.rank).slice(0, limit))
  return ranked.filter((it) => kept.has(it)).map(({ block }) => block)
}

/** The tails that say something, each once. */
function distinct(tails: readonly string[]): string[] {
  const byWords = new Map<string, string>()
  for (const tail of tails) {
    const text = splitSpace(tail).join(' ')
    const words = text.toLowerCase()
    if (/[\p{L}\p{N}]/u.test(text) && !/^\P{L}*none\P{L}*$/u.test(words) && !byWords.has(words))
      byWords.set(words, text)
  }
  return [...byWords.values()]
}
