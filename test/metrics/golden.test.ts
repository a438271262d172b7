import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { corpusScores, strategyScores } from '../../src/metrics/scores.js'
import { findWordNet } from '../../src/platform/node/find-wordnet.js'
import { readRepliesToCompare } from '../../src/text/replies-to-compare.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { sharedPath, skipWithoutShared } from '../shared.js'

const all = suite('metrics/golden')
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
