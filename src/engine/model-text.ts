import { InputError } from '../errors.js'
import type { MiscConfig } from '../models/misc/config.js'
import type { DialogueIds } from '../models/misc/misc.js'
import { says } from '../text/added-tokens.js'
import type { FeatureLimits, Features } from '../text/features.js'
import type { Tokenizer } from '../text/tokenizer.js'
import { WordVocabulary } from '../text/word-vocabulary.js'

/** As much text as a model takes. */
export const featureLimits = (config: MiscConfig): FeatureLimits => ({
  maxPositions: config.maxPositions,
  postBlocks: config.maxPostBlocks,
  situationBlocks: config.maxSituationBlocks,
  blockLength: config.maxBlockLength,
})

/** The ids of a text as the model's encoder takes them. */
export const dialogueIds = ({ contextIds, postBlocks, situationBlocks }: Features): DialogueIds => ({
  context: contextIds,
  post: postBlocks,
  situation: situationBlocks,
})

/**
 * An embedding may have rows beyond the tokenizer's ids (rounded up, as a multiple of 64): nothing reads or draws them.
 *
 * @throws InputError where a tokenizer has ids beyond the embedding's rows: it is another model's.
 */
export function checkVocabulary(
  tokenizer: Tokenizer,
  { vocabSize }: Pick<MiscConfig, 'vocabSize'>,
  folder: string,
): void {
  if (tokenizer.vocabSize <= vocabSize) return
  const ids = `the tokenizer has ${tokenizer.vocabSize} ids, config.json says ${vocabSize} (vocab_size, the embedding's rows)`
  throw new InputError(`${folder}: ${ids}: ${says(tokenizer.lastToken)}; take all files from one checkpoint`)
}

/**
 * The words of a Transformer, MoEL or MIME.
 *
 * @throws InputError where vocab.json is missing or wrong, or has not a word for every row of the embedding
 */
export async function wordVocabulary(
  folder: string,
  { vocabSize }: Pick<MiscConfig, 'vocabSize'>,
): Promise<WordVocabulary> {
  const words = await WordVocabulary.load(folder)
  if (words.size === vocabSize) return words
  throw new InputError(
    `${folder}: vocab.json has ${words.size} words, config.json says ${vocabSize} (vocab_size); take both from one training`,
  )
}
