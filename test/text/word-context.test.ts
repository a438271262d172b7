import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type WordContextOptions, wordContext } from '../../src/text/word-context.js'
import { WordVocabulary } from '../../src/text/word-vocabulary.js'
import { refused } from '../throws.js'
import { wordsFolder } from './words-folder.js'

const context = suite('text/word-context')

const known = await WordVocabulary.load(wordsFolder(['i', 'am', 'not', 'can', '.', 'why', '?', 'ok', "can't"]))
const [I, AM, NOT, CAN, STOP, WHY, ASK, OK, CANT] = [7, 8, 9, 10, 11, 12, 13, 14, 15]

const said = (...texts: [speaker: 'seeker' | 'supporter', text: string][]) =>
  texts.map(([speaker, text]) => ({ speaker, text }))

const dialogue = said(
  ['supporter', '[Question] Why?'],
  ['seeker', "I can't."],
  ['seeker', 'zounds ok'],
  ['supporter', 'Ok.'],
)

const read = (options?: WordContextOptions, maxPositions = 1000) => wordContext(known, dialogue, maxPositions, options)

context('CLS, then all words without separators; roles by who speaks', () => {
  assert.equal(read(), {
    ids: [6, WHY, ASK, I, CAN, NOT, STOP, 0, OK, OK, STOP],
    roles: [6, 5, 5, 4, 4, 4, 4, 4, 4, 5, 5],
    cut: { utterances: 0, ids: 0 },
  })
})

context('roles by parity, as released', () => {
  assert.equal(read({ roles: 'parity' }).roles, [6, 4, 4, 5, 5, 5, 5, 4, 4, 5, 5])
  // Of a cut dialogue too they count from its beginning.
  assert.equal(read({ roles: 'parity' }, 6).roles, [6, 4, 4, 5, 5])
  assert.equal(wordContext(known, dialogue.slice(3), 9, { roles: 'parity' }).roles, [6, 4, 4])
})

context('words that are cut already are taken as they are', () => {
  const given = said(['seeker', " can't  CAN not"])
  assert.equal(wordContext(known, given, 9, { tokenized: true }).ids, [6, CANT, 0, NOT])
  assert.equal(wordContext(known, given, 9).ids, [6, CAN, NOT, CAN, NOT])
})

context('over the positions the oldest utterances go, whole', () => {
  assert.equal(read({}, 11).cut, { utterances: 0, ids: 0 })
  assert.equal(read({}, 10), {
    ids: [6, I, CAN, NOT, STOP, 0, OK, OK, STOP],
    roles: [6, 4, 4, 4, 4, 4, 4, 5, 5],
    cut: { utterances: 1, ids: 2 },
  })
  // What is older than the one that does not fit is not looked at.
  assert.equal(read({}, 8), { ids: [6, 0, OK, OK, STOP], roles: [6, 4, 4, 5, 5], cut: { utterances: 2, ids: 4 } })
})

context('of a last utterance that alone is too long, the last words stay', () => {
  const long = said(['seeker', 'ok'], ['supporter', 'i am not ok'], ['seeker', ''])
  assert.equal(wordContext(known, long, 4), {
    ids: [6, AM, NOT, OK],
    roles: [6, 5, 5, 5],
    cut: { utterances: 1, ids: 1 },
  })
  assert.equal(wordContext(known, said(['seeker', '']), 4).ids, [6])
})

context('options that are none', async () => {
  await refused(() => read({ tokenized: 1 as never }), /tokenized must be true or false, got 1/)
  await refused(() => read({ roles: 'none' as 'parity' }), /roles must be "speaker" or "parity", got "none"/)
})

context.run()
