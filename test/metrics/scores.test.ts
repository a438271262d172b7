/** Scores of ids, each worked out by hand; then all of them, on the replies that the authors published. */
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bleu } from '../../src/metrics/bleu.js'
import { distinct } from '../../src/metrics/distinct.js'
import { commonNgrams, ngrams } from '../../src/metrics/ngrams.js'
import { rougeL } from '../../src/metrics/rouge-l.js'
import { corpusScores, strategyScores } from '../../src/metrics/scores.js'
import { topAccuracy } from '../../src/metrics/strategy-accuracy.js'
import { unigramF1 } from '../../src/metrics/unigram-f1.js'
import { findWordNet } from '../../src/platform/node/find-wordnet.js'
import { readRepliesToCompare } from '../../src/text/replies-to-compare.js'
import { STRATEGIES } from '../../src/text/strategies.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { sharedPath, skipWithoutShared } from '../shared.js'

const scores = suite('metrics/scores')
const pair = (hypothesis: number[], reference: number[]) => ({ hypothesis, reference })
const close = (got: number, want: number) => assert.ok(Math.abs(got - want) < 1e-12, `got ${got}, expected ${want}`)

scores('n-grams, and those in common, each as often as the reference has it', () => {
  assert.equal(ngrams([7, 8, 9], 2), ['7 8', '8 9'])
  assert.equal(ngrams([7], 2), [])
  assert.is(commonNgrams([1, 1, 1, 2], [1, 1, 3], 1), 2)
  // No id 12 in two pieces.
  assert.is(commonNgrams([1, 2], [12], 1), 0)
})

scores('distinct: the last n-gram of each reply is left out', () => {
  // 1 2 1 of the first, 1 of the second: two ids among four.
  const replies = [
    [1, 2, 1, 3],
    [1, 2],
  ]
  assert.is(distinct(replies, 1), 2 / 4)
  // 1 2 and 2 1 of the first, none of the second.
  assert.is(distinct(replies, 2), 1)
  assert.is(distinct([[5, 5, 5, 5, 5]], 2), 1 / 3)
  for (const none of [[], [[]], [[1]], [[], [4]]]) assert.is(distinct(none, 1), 0)
})

scores('BLEU: precisions of 3/4, 2/3 and 1/2, and a reply of 4 ids for 5', () => {
  const pairs = [pair([1, 2, 3, 4], [1, 2, 3, 5, 6])]
  const brevity = Math.exp(1 - 5 / 4)
  close(bleu(pairs, 1), brevity * (3 / 4))
  close(bleu(pairs, 2), brevity * Math.sqrt((3 / 4) * (2 / 3)))
  close(bleu(pairs, 3), brevity * Math.cbrt((3 / 4) * (2 / 3) * (1 / 2)))
  // No four in a row of the one there is: the first order without a match counts 1/2.
  close(bleu(pairs, 4), brevity * ((3 / 4) * (2 / 3) * (1 / 2) * (1 / 2)) ** (1 / 4))
})

scores('BLEU: orders without a match count half as much each time', () => {
  // Two ids of four; no match among three pairs, two triples, one quadruple.
  const pairs = [pair([1, 7, 2, 8], [1, 5, 2, 6])]
  close(bleu(pairs, 2), Math.sqrt((2 / 4) * (1 / 2 / 3)))
  close(bleu(pairs, 4), ((2 / 4) * (1 / 2 / 3) * (1 / 4 / 2) * (1 / 8 / 1)) ** (1 / 4))
})

scores('BLEU is of the corpus, clips what repeats, and a reply that is too short counts one n-gram', () => {
  close(bleu([pair([1, 1, 1], [1, 2, 3])], 1), 1 / 3)
  // 2 of 2 ids and 1 of 3: 3/5, not the mean of 1 and 1/3; five ids for six.
  close(bleu([pair([1, 2], [1, 2, 3]), pair([4, 5, 6], [6, 7, 8])], 1), Math.exp(1 - 6 / 5) * (3 / 5))
  // One pair of ids matches; [1] counts for one that does not.
  close(bleu([pair([1], [1]), pair([1, 2], [1, 2])], 2), Math.sqrt(1 * (1 / 2)))
  // Longer than the reference: no penalty.
  close(bleu([pair([1, 2, 3, 4], [1, 2])], 1), 2 / 4)
})

scores('F1 and ROUGE-L', () => {
  // 1 and one 2 in common, of three ids and four.
  close(unigramF1(pair([1, 1, 2], [1, 2, 2, 3])), 4 / 7)
  // 2 4 in both, in that order: precision 2/4, recall 2/5.
  close(rougeL(pair([1, 2, 3, 4], [2, 4, 5, 6, 7])), ((1 + 1.44) * 0.5 * 0.4) / (0.4 + 1.44 * 0.5))
  // The order counts: of 3 2 1 only one.
  close(rougeL(pair([3, 2, 1], [1, 2, 3])), 1 / 3)
  for (const score of [unigramF1, rougeL]) {
    assert.is(score(pair([1, 2], [1, 2])), 1)
    assert.is(score(pair([1, 2], [3])), 0)
  }
})

scores('empty replies and references: 0, and no number that is none', () => {
  for (const it of [pair([], [1]), pair([1], []), pair([], [])]) {
    assert.equal([unigramF1(it), rougeL(it), bleu([it], 1), bleu([it], 4)], [0, 0, 0, 0])
  }
  // An empty reply among others counts one id that does not match, as one that is too short does; two ids for four.
  close(bleu([pair([], [8, 9]), pair([1, 2], [1, 2])], 1), Math.exp(1 - 4 / 2) * (2 / 3))
})

scores('strategies: the best, and the k best', () => {
  const [a, b, c] = STRATEGIES
  const predictions = [
    { reference: a, ranking: [a, b, c] },
    { reference: a, ranking: [b, a, c] },
    { reference: c, ranking: [b, a, c] },
    { reference: STRATEGIES[7], ranking: [c, b, a] },
  ]
  assert.equal(
    [1, 2, 3, 4].map((k) => topAccuracy(predictions, k)),
    [1 / 4, 2 / 4, 3 / 4, undefined],
  )
  assert.is(topAccuracy([...predictions, { reference: a, ranking: [a] }], 1), 2 / 5)
  assert.is(topAccuracy([...predictions, { reference: a, ranking: [a] }], 2), undefined)
})

scores.run()

const all = suite('metrics/scores, golden')
const golden = skipWithoutShared(all, 'scores the two ablations that the authors published')

for (const name of ['ablation_post', 'ablation_situation']) {
  golden(`${name}: every figure of the authors’ scorer, and those that the paper prints`, async () => {
    const [hypotheses, references, strategies] = ['hypotheses', 'references', 'strategies'].map((it) =>
      sharedPath('golden', 'eval', name, `${it}.json`),
    )
    const replies = await readRepliesToCompare({
      hypotheses: hypotheses!,
      references: references!,
      strategies: strategies!,
    })
    const tokenizer = await Tokenizer.load(sharedPath('data', 'tokenizer')!)
    const [ids, referenceIds] = [
      await tokenizer.encodeBatch(replies.hypotheses),
      await tokenizer.encodeBatch(replies.references),
    ]
    const pairs = replies.hypotheses.map((text, i) => ({
      hypothesis: { text, ids: ids[i]! },
      reference: { text: replies.references[i]!, ids: referenceIds[i]! },
    }))
    let scored = 0
    const scores: Record<string, number | null> = {
      ...corpusScores(pairs, await findWordNet(), () => scored++),
      ...strategyScores(replies.strategies!),
    }
    assert.equal([scored, pairs.length], [1764, 1764])

    const { expected, paper } = JSON.parse(readFileSync(sharedPath('golden', 'eval', name, 'expected.json')!, 'utf8'))
    const { 'meteor-nltk3.8-wordnet3.0': meteor, ...others } = expected
    assert.is(Object.keys(others).length, 11)
    for (const [score, want] of Object.entries<number>(others)) {
      assert.ok(Math.abs(scores[score]! - want) < 1e-9, `${score}: got ${scores[score]}, expected ${want}`)
    }
    // Four places are given.
    assert.ok(Math.abs(scores.meteor! - meteor) < 1e-4, `meteor: got ${scores.meteor}, expected ${meteor}`)
    assert.equal(
      ['distinct-1', 'bleu-2', 'rouge-l'].map((score) => scores[score]!.toFixed(2)),
      [paper.D1, paper.B2, paper.RL].map((value: number) => value.toFixed(2)),
    )
    // The paper's METEOR came of another version of NLTK.
    assert.ok(Math.abs(scores.meteor! - paper.M) < 0.1)
  })
}

all.run()
