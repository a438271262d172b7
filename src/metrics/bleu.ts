import { commonNgrams } from './ngrams.js'

/** A reply that was given and the one it is compared with, as ids. */
export interface IdPair {
  readonly hypothesis: readonly number[]
  readonly reference: readonly number[]
}

/**
 * Corpus BLEU of n-grams up to `order`, all of equal weight (Papineni et al., 2002), with NLTK's `method3` smoothing: the i-th
 * order without a match counts 1 / (2^i · its n-grams). As in NLTK, a reply too short for an n-gram counts one all the same, and
 * where no id matches the score is 0.
 *
 * @returns 0 to 1
 */
export function bleu(pairs: readonly IdPair[], order: number): number {
  let unmatched = 0
  let logPrecision = 0
  for (let n = 1; n <= order; n++) {
    const matches = sum(pairs.map(({ hypothesis, reference }) => commonNgrams(hypothesis, reference, n)))
    const total = sum(pairs.map(({ hypothesis }) => Math.max(1, hypothesis.length - n + 1)))
    if (matches === 0 && n === 1) return 0
    if (matches === 0) unmatched++
    logPrecision += Math.log(matches === 0 ? 1 / (2 ** unmatched * total) : matches / total) / order
  }
  const length = sum(pairs.map(({ hypothesis }) => hypothesis.length))
  const referenceLength = sum(pairs.map(({ reference }) => reference.length))
  const brevityPenalty = length > referenceLength ? 1 : Math.exp(1 - referenceLength / length)
  return brevityPenalty * Math.exp(logPrecision)
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
