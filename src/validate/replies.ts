import { checkVocabulary, dialogueIds, featureLimits } from '../engine/model-text.js'
import type { MiscConfig } from '../models/misc/config.js'
import type { EsconvRow, Split } from '../text/esconv-row.js'
import { readReplyRows } from '../text/reply-rows.js'
import { replyIds } from '../text/row-features.js'
import { Tokenizer } from '../text/tokenizer.js'
import type { ScoredReply } from './perplexity.js'

/** Replies, and the number of ids that take part in scoring them. */
export interface RepliesToScore {
  /** What the data says of each. */
  readonly rows: readonly EsconvRow[]
  readonly replies: readonly ScoredReply[]
  readonly vocabulary: number
}

/**
 * The first replies of a data set in the ids of a model.
 *
 * @param folder the model's, for its tokenizer
 * @param onWarning told what of the data is left out
 * @throws InputError where the data or the tokenizer's files are missing or wrong
 */
export async function readReplies(
  folder: string,
  config: MiscConfig,
  { data, split, limit }: { data: string; split: Split; limit?: number | undefined },
  onWarning?: (message: string) => void,
): Promise<RepliesToScore> {
  const tokenizer = await Tokenizer.load(folder)
  checkVocabulary(tokenizer, config, folder)
  const replies: ScoredReply[] = []
  const rows = await readReplyRows(data, split, limit, onWarning)
  for (const row of rows) {
    const ids = await replyIds(tokenizer, row, featureLimits(config))
    replies.push({ dialogue: dialogueIds(ids), reply: ids.replyIds })
  }
  return { rows, replies, vocabulary: tokenizer.vocabSize }
}
