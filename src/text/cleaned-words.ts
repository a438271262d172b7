import { nltkWords } from './nltk-words.js'
import { STRATEGIES, strategyTokens } from './strategies.js'

/** Contractions that {@link clean} writes out, in this order. */
const WRITTEN_OUT = Object.entries({
  "it's": 'it is',
  "don't": 'do not',
  "doesn't": 'does not',
  "didn't": 'did not',
  "you'd": 'you would',
  "you're": 'you are',
  "you'll": 'you will',
  "i'm": 'i am',
  "they're": 'they are',
  "that's": 'that is',
  "what's": 'what is',
  "couldn't": 'could not',
  "i've": 'i have',
  "we've": 'we have',
  "can't": 'cannot',
  "i'd": 'i would',
  "aren't": 'are not',
  "isn't": 'is not',
  "wasn't": 'was not',
  "weren't": 'were not',
  "won't": 'will not',
  "there's": 'there is',
  "there're": 'there are',
})

/** What a data set may put before a supporter's words; the models were never shown it. */
const STRATEGY_TOKENS = STRATEGIES.flatMap(strategyTokens)

/** The words of an utterance as the models of the family read them: strategies in brackets left out, cleaned, then cut. */
export function cleanedWords(text: string): string[] {
  return nltkWords(clean(STRATEGY_TOKENS.reduce((text, token) => text.replaceAll(token, ' '), text)))
}

/**
 * A text as the programs of MoEL and MIME clean it before they cut it into words: in lower case, with the commonest contractions
 * written out, also within words. An apostrophe that is not straight (`’`) makes no contraction.
 */
export function clean(text: string): string {
  return WRITTEN_OUT.reduce((text, [from, to]) => text.replaceAll(from, to), text.toLowerCase())
}
