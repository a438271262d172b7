import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ADDED_TOKENS, STRATEGIES, strategyIndex } from '../../src/text/strategies.js'
import { refused } from '../throws.js'

const strategies = suite('strategies')

strategies('names are found by their place', () => {
  assert.is(strategyIndex('Question'), 0)
  assert.is(strategyIndex('Providing Suggestions'), 7)
  assert.is(ADDED_TOKENS.length, 18)
  assert.equal([ADDED_TOKENS[7], ADDED_TOKENS[8], ADDED_TOKENS[17]], ['[Providing Suggestions]', '[xAttr]', '[CLS]'])
})

strategies('another name is refused, with the list', async () => {
  await refused(() => strategyIndex('question'), /unknown strategy "question"/, new RegExp(STRATEGIES.join(', ')))
  await refused(() => strategyIndex('[Question]'), /unknown strategy "\[Question\]"/)
})

strategies.run()
