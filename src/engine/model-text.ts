import { InputError } from '../errors.js'
import type { MiscConfig } from '../model/config.js'
import type { DialogueIds } from '../model/misc.js'
import type { FeatureLimits, Features } from '../text/features.js'
import type { Tokenizer } from '../text/tokenizer.js'

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

/** @throws InputError where a tokenizer is another model's. */
export function checkVocabulary(tokenizer: Tokenizer, { vocabSize }: MiscConfig, folder: string): void {
  if (tokenizer.vocabSize === vocabSize) return
  throw new InputError(`${folder}: the tokenizer has ${tokenizer.vocabSize} ids, config.json says ${vocabSize}`)
}
