import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { corpusFigures } from '../../src/explain/corpus-figures.js'
import { rankStrategies } from '../../src/metrics/strategy-accuracy.js'
import type { EsconvRow } from '../../src/text/esconv-row.js'
import { STRATEGIES, type StrategyName } from '../../src/text/strategies.js'

const figures = suite('explain/corpus-figures')
const row = (turn: number, strategy: StrategyName) => ({ reply: { strategy }, place: { turn, of: 10 } }) as EsconvRow
const rows = [row(1, 'Question'), row(1, 'Others'), row(9, 'Question'), row(10, 'Others')]
const of = { data: 'somewhere', split: 'test', rows, unnamed: 2 }
const first = (...names: StrategyName[]) => rankStrategies((name) => -((names.indexOf(name) + 9) % 9))

figures('shares by stage, accuracy by guesses and confusion are those counted by hand', () => {
  const ofRows = [first('Question'), first('Question', 'Others'), first('Others', 'Question'), first('Others')]
  const { systems, taken, stages, ...counts } = corpusFigures(of, [{ name: 'a', made: { file: 'a' }, ofRows }])
  assert.equal(counts, { data: 'somewhere', split: 'test', replies: 4, unnamed: 2, strategies: STRATEGIES })
  assert.equal(stages.replies, [2, 0, 0, 0, 1, 1])
  assert.equal(taken.Question, [50, null, null, null, 100, 0])
  const [{ shares, topAccuracy, confusion }] = systems as [(typeof systems)[number]]
  assert.equal(shares.Question, [100, null, null, null, 0, 0])
  assert.equal(shares.Others, [0, null, null, null, 100, 100])
  assert.equal(topAccuracy, [50, 100, 100, 100, 100])
  const [question, others] = [STRATEGIES.indexOf('Question'), STRATEGIES.indexOf('Others')]
  assert.is(confusion[question]![question], 1)
  assert.is(confusion[question]![others], 1)
  assert.is(confusion[others]![question], 1)
  assert.is(confusion[others]![others], 1)
  assert.is(
    confusion.flat().reduce((a, b) => a + b),
    4,
  )
})

figures('who tells the likeliest strategy alone has one guess', () => {
  const { systems } = corpusFigures(of, [{ name: 'a', made: {}, ofRows: rows.map(() => ['Question'] as const) }])
  assert.equal(systems[0]!.topAccuracy, [50])
})

figures.run()
