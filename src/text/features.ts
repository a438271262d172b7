import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import type { IdsInput } from './dialogue.js'
import type { Tokenizer } from './tokenizer.js'

/** The ids that the model reads, ragged: nothing is padded. */
export interface Features {
  /** `[CLS] u1 EOS u2 EOS …`, at most `maxPositions` ids. */
  contextIds: number[]
  /** COMET's blocks about the seeker's last post: the relation's id, then the tail's. */
  postBlocks: number[][]
  /** COMET's blocks about the situation. */
  situationBlocks: number[][]
}

/** The most ids and blocks that a model takes; `maxPositions` is `max_position_embeddings` of its config. */
export interface FeatureLimits {
  maxPositions: number
  postBlocks: number
  situationBlocks: number
  blockLength: number
}

/** The paper's limits. */
export const FEATURE_LIMITS: FeatureLimits = { maxPositions: 512, postBlocks: 30, situationBlocks: 20, blockLength: 10 }

/** The texts of one example, as {@link textFeatures} takes them. A block is `[xReact] sad`. */
export interface FeatureTexts {
  utterances: readonly string[]
  postBlocks: readonly string[]
  situationBlocks: readonly string[]
}

/**
 * The ids of an example (eq. 1–2), as the authors’ program makes them. What is too long is cut: of the context the oldest
 * utterances go ({@link contextIds}), of the blocks the last ones, of a block its end.
 */
export async function textFeatures(
  tokenizer: Tokenizer,
  { utterances, postBlocks, situationBlocks }: FeatureTexts,
  limits: Partial<FeatureLimits> = {},
): Promise<Features> {
  const max = { ...FEATURE_LIMITS, ...limits }
  const post = postBlocks.slice(0, max.postBlocks)
  const situation = situationBlocks.slice(0, max.situationBlocks)
  const ids = await tokenizer.encodeBatch([...utterances, ...post, ...situation])
  const blocks = ids.slice(utterances.length).map((block) => block.slice(0, max.blockLength))
  return {
    contextIds: contextIds(ids.slice(0, utterances.length), tokenizer, max.maxPositions),
    postBlocks: blocks.slice(0, post.length),
    situationBlocks: blocks.slice(post.length),
  }
}

/**
 * The context of encoded utterances, as the authors' program makes it: added tokens left out, EOS after each utterance,
 * [CLS] in front. Over `maxPositions` ids, all up to and including the first EOS among the last `maxPositions` go: a
 * last utterance that alone is longer leaves `[CLS]` only. Exactly that many: the first one becomes [CLS].
 */
export function contextIds(
  utterances: readonly (readonly number[])[],
  { baseVocabSize, clsId, eosId }: Pick<Tokenizer, 'baseVocabSize' | 'clsId' | 'eosId'>,
  maxPositions: number,
): number[] {
  let ids = utterances.flatMap((utterance) => [...utterance.filter((id) => id < baseVocabSize), eosId])
  if (ids.length > maxPositions) {
    ids = ids.slice(-maxPositions)
    ids = ids.slice(ids.indexOf(eosId) + 1)
  }
  return [clsId, ...(ids.length === maxPositions ? ids.slice(1) : ids)]
}

/**
 * The features of ids that were given directly: integers of the vocabulary, within the limits, no block empty. Unlike
 * text, ids are never cut. Throws an {@link InputError} that names the place.
 */
export function idsFeatures(
  { ids: { context, post = [], situation = [], roles } }: IdsInput,
  vocabSize: number,
  limits: Partial<FeatureLimits> = {},
): Features {
  const max = { ...FEATURE_LIMITS, ...limits }
  if (roles)
    throw new InputError('ids.roles are what Transformer, MoEL and MIME read: this model has none, leave them out')
  checkIds(context, 'ids.context', vocabSize, max.maxPositions)
  for (const [at, blocks, limit] of [
    ['ids.post', post, max.postBlocks],
    ['ids.situation', situation, max.situationBlocks],
  ] as const) {
    checkCount(blocks.length, at, 'blocks', limit)
    for (const [index, block] of blocks.entries()) checkIds(block, `${at}[${index}]`, vocabSize, max.blockLength)
  }
  return { contextIds: context, postBlocks: post, situationBlocks: situation }
}

/** @throws InputError that names the place, where there are none, too many, or one that is not in the vocabulary */
export function checkIds(ids: readonly number[], at: string, vocabSize: number, limit: number): void {
  if (ids.length === 0) throw new InputError(`${at} is empty, expected at least one id`)
  checkCount(ids.length, at, 'ids', limit)
  for (const [index, id] of ids.entries()) {
    if (!Number.isInteger(id) || id < 0 || id >= vocabSize) {
      throw new InputError(`${at}[${index}] is ${quote(id)}, expected an id from 0 to ${vocabSize - 1}`)
    }
  }
}

function checkCount(count: number, at: string, things: string, limit: number): void {
  if (count > limit) throw new InputError(`${at} has ${count} ${things}, more than the model's ${limit}: give fewer`)
}
