import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { modelFigures, strategyPredictions } from '../../src/cli/eval-figures.js'
import type { EvalHead, EvaluatedSystem } from '../../src/cli/eval-model.js'
import type { EvalRow } from '../../src/cli/eval-row.js'
import { systemsOf } from '../../src/cli/eval-systems.js'
import { STRATEGIES } from '../../src/text/strategies.js'

const figures = suite('cli/eval-figures')

const [system] = systemsOf(['models/a'])
const head: EvalHead = {
  ...{ version: '0', model: 'a', variant: 'full', sha256: '0', family: 'misc', vocabulary: { ids: 99, sha256: '1' } },
  ...{ split: 'dev', rows: 3, data: '2', seed: 5, options: {}, dtype: 'f32', adapter: 'some' },
}
/** All of a half but for those of two others. */
const probs = Object.fromEntries(STRATEGIES.map((name, i) => [name, [0.5, 0.25][i] ?? 0.25 / 6])) as NonNullable<
  EvalRow['strategy']
>['probs']
const row = (row: number, reference: string, nats: number, ids: number): EvalRow => ({
  ...{ row, context: [], reference, hypothesis: 'x', nats, ids },
})
const evaluated = (rows: readonly EvalRow[]): EvaluatedSystem => ({ system: system!, head, rows })

figures(
  'losses are means over ids and over the strategies that the data names; a common denominator leaves out what was cut',
  () => {
    const rows: EvalRow[] = [
      { ...row(0, 'one two', 6, 4), strategy: { reference: STRATEGIES[0]!, probs } },
      { ...row(1, 'a much  longer one', 9, 2), cut: true, strategy: { reference: STRATEGIES[1]!, probs } },
      { ...row(2, 'yes', 3, 3), strategy: { reference: null, probs } },
    ]
    const pieces = [[1, 2, 3], [1, 2, 3, 4, 5, 6], [9]]
    const found = modelFigures(evaluated(rows), pieces)
    assert.equal(found, {
      split: 'dev',
      ppl: Math.exp(2),
      loss: 2,
      tokens: 9,
      vocabulary: 99,
      'strategy-loss': (Math.LN2 + 2 * Math.LN2) / 2,
      // Three words and two, the end of each among them; four pieces and two.
      'ppl-per-word': Math.exp(9 / 5),
      'ppl-per-piece': Math.exp(9 / 6),
      ...{ seed: 5, dtype: 'f32', adapter: 'some' },
    })
    const predictions = strategyPredictions(evaluated(rows))
    assert.equal(
      predictions.map(({ reference }) => reference),
      STRATEGIES.slice(0, 2),
    )
    assert.equal(predictions[1]!.ranking.slice(0, 2), STRATEGIES.slice(0, 2))
  },
)

figures('a model without strategies has no loss of them', () => {
  const found = modelFigures(evaluated([row(0, 'one', 1, 2)]), [[1]])
  assert.not('strategy-loss' in found)
  assert.equal(strategyPredictions(evaluated([row(0, 'one', 1, 2)])), [])
})

figures('models of one name have files of their own, and so have variants', () => {
  const files = (...args: Parameters<typeof systemsOf>) => systemsOf(...args).map(({ name, file }) => [name, file])
  assert.equal(files(['a/misc-1.5/', 'b/misc-1.5', 'moel']), [
    ['misc-1.5', 'misc-1.5.jsonl'],
    ['misc-1.5-2', 'misc-1.5-2.jsonl'],
    ['moel', 'moel.jsonl'],
  ])
  assert.equal(files(['m'], 4), [
    ['m', 'm.jsonl'],
    ['w/o g', 'm.without-g.jsonl'],
    ['w/o s', 'm.without-s.jsonl'],
    ['w/o x', 'm.without-x.jsonl'],
  ])
  assert.equal(files(['m'], 6)[1], ['emotion', 'm.emotion.jsonl'])
  assert.equal(files(['m'], 7)[1], ['single strategy', 'm.single-strategy.jsonl'])
})

figures.run()
