import { mean } from 'simple-statistics'
import { splitSpace } from '../text/words.js'
import { bleu } from './bleu.js'
import { distinct } from './distinct.js'
import { meteor, type Synonyms } from './meteor.js'
import { rougeL } from './rouge-l.js'
import { type StrategyPrediction, topAccuracy } from './strategy-accuracy.js'
import { unigramF1 } from './unigram-f1.js'

/** A text, and its ids by the tokenizer that the scores are counted in. */
export interface EncodedText {
  readonly text: string
  readonly ids: readonly number[]
}

/** A reply that was given, and the one that it is compared with. */
export interface ReplyPair {
  readonly hypothesis: EncodedText
  readonly reference: EncodedText
}

/** Scores of a corpus of replies, as MISC's Tables 2 to 7 have them: percent, but for `length`. */
export interface CorpusScores {
  /** Mean number of ids of a reply. */
  readonly length: number
  readonly 'distinct-1': number
  readonly 'distinct-2': number
  readonly 'distinct-3': number
  readonly 'bleu-1': number
  readonly 'bleu-2': number
  readonly 'bleu-3': number
  readonly 'bleu-4': number
  readonly 'unigram-f1': number
  readonly 'rouge-l': number
  /** On words between white space; null without WordNet. */
  readonly meteor: number | null
}

/** How often strategies were met, in percent; of the k likeliest, null where no more than the best is known. */
export interface StrategyScores {
  readonly 'strategy-accuracy': number
  readonly 'strategy-top-2': number | null
  readonly 'strategy-top-3': number | null
  readonly 'strategy-top-4': number | null
  readonly 'strategy-top-5': number | null
}

/**
 * Scores replies. Sentence scores (F1, ROUGE-L, METEOR) are averaged over replies, distinct and BLEU counted over the corpus.
 *
 * @param pairs at least one
 * @param wordnet what METEOR finds synonyms with
 * @param onReply called after each reply's sentence scores
 */
export function corpusScores(
  pairs: readonly ReplyPair[],
  wordnet: Synonyms | undefined,
  onReply?: () => void,
): CorpusScores {
  const ids = pairs.map(({ hypothesis, reference }) => ({ hypothesis: hypothesis.ids, reference: reference.ids }))
  const replies = ids.map(({ hypothesis }) => hypothesis)
  const sentences = pairs.map(({ hypothesis, reference }, i) => {
    const scores = {
      unigramF1: unigramF1(ids[i]!),
      rougeL: rougeL(ids[i]!),
      meteor: wordnet && meteor(splitSpace(hypothesis.text), splitSpace(reference.text), wordnet),
    }
    onReply?.()
    return scores
  })
  return {
    length: mean(replies.map(({ length }) => length)),
    'distinct-1': 100 * distinct(replies, 1),
    'distinct-2': 100 * distinct(replies, 2),
    'distinct-3': 100 * distinct(replies, 3),
    'bleu-1': 100 * bleu(ids, 1),
    'bleu-2': 100 * bleu(ids, 2),
    'bleu-3': 100 * bleu(ids, 3),
    'bleu-4': 100 * bleu(ids, 4),
    'unigram-f1': 100 * mean(sentences.map(({ unigramF1 }) => unigramF1)),
    'rouge-l': 100 * mean(sentences.map(({ rougeL }) => rougeL)),
    meteor: wordnet ? 100 * mean(sentences.map(({ meteor = 0 }) => meteor)) : null,
  }
}

/**
 * Scores predicted strategies.
 *
 * @param predictions at least one
 */
export function strategyScores(predictions: readonly StrategyPrediction[]): StrategyScores {
  const top = (k: number) => {
    const accuracy = topAccuracy(predictions, k)
    return accuracy === undefined ? null : 100 * accuracy
  }
  return {
    'strategy-accuracy': top(1)!,
    'strategy-top-2': top(2),
    'strategy-top-3': top(3),
    'strategy-top-4': top(4),
    'strategy-top-5': top(5),
  }
}
