import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { plainContext } from '../../src/text/plain-context.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { fixture } from '../fixtures.js'

const tokenizer = await Tokenizer.load(fixture('tokenizer'), [])
const context = suite('text/plain-context')
const NEWLINE = 4
/** The id of the word "a". */
const A = 12
const saying = (...texts: string[]) => texts.map((text) => ({ text }))

context('a plain vocabulary has no token beside its own: brackets are words', async () => {
  assert.equal([tokenizer.baseVocabSize, tokenizer.vocabSize, tokenizer.lastToken.id], [54944, 54944, 54943])
  assert.is((await tokenizer.encode('[Question] hi')).includes(54944), false)
})

context('utterances are joined by newlines, as the text is that ParlAI and transformers give the model', async () => {
  const texts = [
    'Social anxiety',
    'Wow, I am never shy. Do you have anxiety?',
    "Yes. I end up sweating and blushing and feel like i'm going to throw up.",
    'and why is that?',
  ]
  const { contextIds, cut } = await plainContext(tokenizer, saying(...texts), 512)
  assert.equal(contextIds, await tokenizer.encode(texts.join('\n')))
  assert.is(contextIds.filter((id) => id === NEWLINE).length, 3)
  assert.equal(cut, { utterances: 0, ids: 0 })
})

context('a newline stands for a turn alone; what says nothing is no turn', async () => {
  const { contextIds } = await plainContext(tokenizer, saying(' a\n\na ', ' \n', 'a'), 512)
  assert.equal(contextIds, [A, A, NEWLINE, A])
  assert.equal((await plainContext(tokenizer, saying(''), 512)).contextIds, [NEWLINE])
})

context('the newest ids are kept', async () => {
  const { contextIds, cut } = await plainContext(tokenizer, saying('a a', 'a a a', 'a'), 4)
  assert.equal(contextIds, [A, A, NEWLINE, A])
  assert.equal(cut, { utterances: 1, ids: 4 })
})

context.run()
