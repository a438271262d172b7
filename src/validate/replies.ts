import { checkVocabulary, dialogueIds, featureLimits } from '../engine/model-text.js'
import { InputError } from '../errors.js'
import type { MiscConfig } from '../model/config.js'
import { readReplyRows, replyIds } from '../text/reply-rows.js'
import { Tokenizer } from '../text/tokenizer.js'
import type { ScoredReply } from './perplexity.js'

/**
 * The first replies of a data set in the ids of a model.
 *
 * @param folder the model's, for its tokenizer
 * @throws InputError where the data or the tokenizer's files are missing or wrong
 */
export async function readReplies(
  folder: string,
  config: MiscConfig,
  { data, split, limit }: { data: string; split: 'dev' | 'test'; limit: number },
): Promise<ScoredReply[]> {
  const tokenizer = await Tokenizer.load(folder)
  checkVocabulary(tokenizer, config, folder)
  const replies: ScoredReply[] = []
  for (const row of await readReplyRows(data, split, limit)) {
    const ids = await replyIds(tokenizer, row, featureLimits(config))
    replies.push({ dialogue: dialogueIds(ids), reply: ids.replyIds })
  }
  if (replies.length === 0) throw new InputError(`${data}: has no ${split} rows to score`)
  return replies
}
