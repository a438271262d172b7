import type { IdPair } from './bleu.js'
import { commonNgrams } from './ngrams.js'

/** F1 of the ids that a reply and its reference have in common, 0 to 1: 2·common / (length + length); 0 where either is empty. */
export function unigramF1({ hypothesis, reference }: IdPair): number {
  const common = commonNgrams(hypothesis, reference, 1)
  return common === 0 ? 0 : (2 * common) / (hypothesis.length + reference.length)
}
