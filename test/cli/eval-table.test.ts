import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Evaluation } from '../../src/cli/eval-figures.js'
import { evaluationTable } from '../../src/cli/eval-table.js'

const table = suite('cli/eval-table')

const evaluation = (name: string, ppl: number, more: Partial<Evaluation> = {}): Evaluation => ({
  name,
  ...{ replies: 2, length: 3.5, 'distinct-1': 1, 'distinct-2': 2, 'distinct-3': 3, 'bleu-1': 11, 'bleu-2': 12 },
  ...{ 'bleu-3': 13, 'bleu-4': 14, 'unigram-f1': 20, 'rouge-l': 21, meteor: 22, tokenizer: 'pieces', wordnet: '3.0' },
  ...{ split: 'test', ppl, loss: 1.5, tokens: 9, vocabulary: 99, 'ppl-per-word': 2 * ppl, 'ppl-per-piece': 3 * ppl },
  ...{ seed: 0, dtype: 'f32', adapter: 'some' },
  ...more,
})
const misc = evaluation('misc', 5.25, {
  ...{ 'strategy-accuracy': 31, 'strategy-top-2': 32, 'strategy-top-3': 33, 'strategy-top-4': 34 },
  ...{ 'strategy-top-5': 35, 'strategy-loss': 2.25 },
})
const moel = evaluation('moel', 123456.789)
const cells = (line: string) => line.trim().split(/ +/)

table('Table 2 has its columns, a line a model, and - where a model has no such figure', () => {
  const [head, first, second, , ...rest] = evaluationTable([misc, moel], 2, {
    key: 'ppl-per-piece',
    per: 'per piece',
  }).split('\n')
  assert.equal(cells(head!), ['ACC(%)', 'PPL', 'D-1', 'D-2', 'B-2', 'B-4', 'R-L', 'M'])
  assert.equal(cells(first!), ['misc', '31.00', '15.75', '1.00', '2.00', '12.00', '14.00', '21.00', '22.00'])
  assert.equal(cells(second!), ['moel', '-', '370370.37', '1.00', '2.00', '12.00', '14.00', '21.00', '22.00'])
  assert.equal(rest, [
    'misc: strategy among the likeliest 2, 3, 4, 5:   32.00   33.00   34.00   35.00',
    'PPL: per piece',
    'misc: test, 9 ids of references; weights in f32, on some',
    'misc: cross-entropy 1.5000 nats an id, 2.2500 a strategy (eq. 8); its vocabulary has 99 ids',
    'moel: test, 9 ids of references; weights in f32, on some',
    'moel: cross-entropy 1.5000 nats an id (eq. 8); its vocabulary has 99 ids',
    'misc: 2 replies of 3.50 ids on average',
    'moel: 2 replies of 3.50 ids on average',
    'ids of replies by the tokenizer of pieces',
    'METEOR: WordNet 3.0, as NLTK 3.8 computes it',
    '',
  ])
})

table('Tables 4, 6 and 7 have theirs, and say what is not as in the paper', () => {
  for (const [number, note] of [
    [4, /^w\/o g, s, x: the same weights, .*the paper trains each anew$/m],
    [6, /^emotion: the same weights, .*the paper trains MISE anew$/m],
    [7, /^single strategy: the same weights, /m],
  ] as const) {
    const text = evaluationTable([misc, { ...misc, name: 'other' }], number, { key: 'ppl', per: 'per id' })
    const [head, first] = text.split('\n')
    assert.equal(cells(head!), ['ACC(%)', 'PPL', 'D-1', 'B-2', 'R-L', 'M'])
    assert.equal(cells(first!), ['misc', '31.00', '5.25', '1.00', '12.00', '21.00', '22.00'])
    assert.match(text, note)
  }
})

table.run()
