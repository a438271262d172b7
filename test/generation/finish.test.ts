import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { finishReason } from '../../src/generation/finish.js'

const finish = suite('finish reason')

finish('the end id stops a reply, also at its last place; the length ends it otherwise', () => {
  const options = { eosId: 2, maxLength: 4 }
  assert.is(finishReason(7, 3, options), undefined)
  assert.is(finishReason(2, 3, options), 'stop')
  assert.is(finishReason(2, 4, options), 'stop')
  assert.is(finishReason(7, 4, options), 'length')
})

finish.run()
