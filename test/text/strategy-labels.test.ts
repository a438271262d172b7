import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { StrategyLabels } from '../../src/text/strategy-labels.js'

const labels = suite('text/strategy-labels')

labels('a text is split from the label that it opens with', () => {
  const reader = new StrategyLabels()
  const cases: [string, string | null, string][] = [
    ['[Question] why?', 'Question', 'why?'],
    ['  [Other]  hm', 'Others', 'hm'],
    ['[Questions]', 'Question', ''],
    ['why [Question]?', null, 'why [Question]?'],
    ['[never closed', null, '[never closed'],
    ['', null, ''],
  ]
  for (const [text, strategy, rest] of cases) assert.equal(reader.split(text), { strategy, text: rest })
  assert.is(reader.warning, undefined)
})

labels('what is no strategy is counted and named, the commonest first', () => {
  const reader = new StrategyLabels()
  assert.equal(reader.split('[Greeting] hi'), { strategy: null, text: 'hi' })
  assert.is(reader.strategy('Direct Guidance'), null)
  assert.is(reader.strategy('Direct Guidance'), null)
  assert.match(reader.warning!, /^3 supporter turns .*: "\[Direct Guidance\]" 2, "\[Greeting\]" 1$/)
  for (let i = 0; i < 20; i++) reader.strategy(`\u001b${'x'.repeat(1000)}${i}`)
  assert.match(reader.warning!, /^23 supporter turns .*, and 12 others$/)
  assert.ok(reader.warning!.length < 1600 && !reader.warning!.includes('\u001b'))
})

labels.run()
