import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bleu } from '../../src/metrics/bleu.js'
import { meteor } from '../../src/metrics/meteor.js'
import { porterStem } from '../../src/metrics/porter-stemmer.js'
import { findWordNet } from '../../src/platform/node/find-wordnet.js'
import { splitSpace } from '../../src/text/words.js'
import { fixture } from '../fixtures.js'

const suiteOf = suite('metrics/meteor')
const close = (got: number, want: number, what = '') =>
  assert.ok(Math.abs(got - want) < 1e-12, `${what} got ${got}, expected ${want}`)
const none: ReadonlySet<string> = new Set()
const score = (hypothesis: string, reference: string, synonyms: Record<string, string[]> = {}) =>
  meteor(splitSpace(hypothesis), splitSpace(reference), { synonyms: (word) => new Set(synonyms[word] ?? none) })
const nltk: {
  pairs: { hypothesis: string; reference: string; meteor: number }[]
  bleu_of_words: number[]
  stems: Record<string, string>
} = JSON.parse(readFileSync(fixture('metrics', 'nltk.json'), 'utf8'))

suiteOf('one run of three matches, one of them by its stem', () => {
  // P 3/3, R 3/4; one chunk for three matches.
  close(score('The cats sat', 'the cat sat down'), (0.75 / (0.9 + 0.1 * 0.75)) * (1 - 0.5 / 27))
})

suiteOf('a chunk is unbroken in both texts', () => {
  // All matches, in two chunks of one word.
  close(score('b a', 'a b'), 1 - 0.5)
  // a b, and d: two chunks for three matches; P and R are 3/4.
  close(score('a b c d', 'a b x d'), 0.75 * (1 - 0.5 * (2 / 3) ** 3))
})

suiteOf('from the end: the last word that fits is taken first', () => {
  // The second a of the hypothesis takes the only one; P 1/3, R 1/2.
  close(score('a x a', 'a y'), (1 / 6 / (0.3 + 0.05)) * 0.5)
  // Both a's match 1 to 1, in order, with b between: one chunk.
  close(score('a b a', 'a b a'), 1 - 0.5 / 27)
  // The one a takes the last of the reference, so that a b is two chunks: P 1, R 2/3.
  close(score('a b', 'a b a'), (2 / 3 / (0.9 + 0.2 / 3)) * (1 - 0.5))
})

suiteOf('synonyms are asked by stem, and are of the reference’s stem', () => {
  const synonyms = { car: ['auto', 'machine'], big: ['large'] }
  // One match of two words each, in one chunk.
  close(score('red cars', 'blue autos', synonyms), 0.5 * (1 - 0.5))
  // The reference's machine has the stem machin, large larg.
  for (const word of ['machine', 'large']) assert.is(score('cars big', word, synonyms), 0)
})

suiteOf('without a word in common, or without a word: 0', () => {
  for (const [hypothesis, reference] of [
    ['a', 'b'],
    ['', 'a'],
    ['a', ''],
    ['', ''],
    [' ', '\n'],
  ]) {
    assert.is(score(hypothesis!, reference!), 0)
  }
})

suiteOf('stems are NLTK’s', () => {
  const stems = Object.entries(nltk.stems)
  assert.ok(stems.length > 100)
  for (const [word, stem] of stems) assert.is(porterStem(word), stem, word)
})

suiteOf('METEOR with WordNet and BLEU are NLTK’s', async () => {
  const wordnet = (await findWordNet())!
  assert.is(wordnet.version, '3.0')
  assert.ok(nltk.pairs.length > 40)
  for (const { hypothesis, reference, meteor: want } of nltk.pairs) {
    close(meteor(splitSpace(hypothesis), splitSpace(reference), wordnet), want, `${hypothesis} / ${reference}`)
  }
  const ids = new Map<string, number>()
  const idsOf = (text: string) => splitSpace(text).map((word) => ids.get(word) ?? ids.set(word, ids.size).get(word)!)
  const pairs = nltk.pairs.map((it) => ({ hypothesis: idsOf(it.hypothesis), reference: idsOf(it.reference) }))
  for (const [i, want] of nltk.bleu_of_words.entries()) close(100 * bleu(pairs, i + 1), want, `BLEU-${i + 1}`)
})

suiteOf.run()
