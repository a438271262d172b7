import { lastSeekerPost } from './dialogue.js'
import { type EsconvRow, rowTexts, type Split } from './esconv-row.js'
import { FEATURE_LIMITS, type FeatureLimits, type Features, textFeatures } from './features.js'
import { STRATEGIES } from './strategies.js'
import type { Tokenizer } from './tokenizer.js'

/** What `misc features` prints of a row: the authors' ids, blocks padded to their full number and length. */
export interface EsconvFeatures {
  split: Split
  row: number
  input_ids: number[]
  post_block_ids: number[][]
  post_block_mask: number[]
  situation_block_ids: number[][]
  situation_block_mask: number[]
  /** Index 0–7 of the reply's strategy, null where it names none. */
  strategy_id: number | null
  /** The reply's ids without its strategy, EOS last. */
  reply_ids: number[]
  emotion: number | null
  last_seeker_post: string | null
}

/** A row in ids. */
export interface ReplyIds extends Features {
  /** The reply's, EOS last: as many as the decoder has positions at most. */
  readonly replyIds: readonly number[]
}

/** The ids of a row, within a model's limits. Added tokens are no part of a reply. */
export async function replyIds(
  tokenizer: Tokenizer,
  row: EsconvRow,
  limits: Partial<FeatureLimits> & Pick<FeatureLimits, 'maxPositions'>,
): Promise<ReplyIds> {
  const features = await textFeatures(tokenizer, rowTexts(row), limits)
  const ids = await encodeReply(tokenizer, row)
  return { ...features, replyIds: [...ids.slice(0, limits.maxPositions - 1), tokenizer.eosId] }
}

/** The ids of a row, as the authors' program makes them. */
export async function esconvFeatures(
  tokenizer: Tokenizer,
  row: EsconvRow,
  limits: Partial<FeatureLimits> = {},
): Promise<EsconvFeatures> {
  const { eosId, padId } = tokenizer
  const max = { ...FEATURE_LIMITS, ...limits }
  const [features, ids] = await Promise.all([textFeatures(tokenizer, rowTexts(row), max), encodeReply(tokenizer, row)])
  const padded = (block: number[] = []) => pad(block, max.blockLength, padId)
  const rows = (blocks: number[][], count: number) => Array.from({ length: count }, (_, index) => padded(blocks[index]))
  const mask = (blocks: number[][], count: number) =>
    pad(
      blocks.map(() => 1),
      count,
      0,
    )
  return {
    split: row.split,
    row: row.row,
    input_ids: features.contextIds,
    post_block_ids: rows(features.postBlocks, max.postBlocks),
    post_block_mask: mask(features.postBlocks, max.postBlocks),
    situation_block_ids: rows(features.situationBlocks, max.situationBlocks),
    situation_block_mask: mask(features.situationBlocks, max.situationBlocks),
    strategy_id: row.reply.strategy && STRATEGIES.indexOf(row.reply.strategy),
    reply_ids: [...ids, eosId],
    emotion: row.emotion,
    last_seeker_post: lastSeekerPost(row.context) ?? null,
  }
}

const encodeReply = async (tokenizer: Tokenizer, { reply }: EsconvRow): Promise<number[]> =>
  (await tokenizer.encode(reply.text)).filter((id) => id < tokenizer.baseVocabSize)

const pad = (ids: number[], length: number, value: number): number[] => [
  ...ids,
  ...new Array<number>(length - ids.length).fill(value),
]
