import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { WordVocabulary } from '../../src/text/word-vocabulary.js'
import { filesFolder } from '../files-folder.js'
import { refused } from '../throws.js'
import { vocabulary, wordsFolder } from './words-folder.js'

const words = suite('text/word-vocabulary')

words('words to ids and back, specials left out', async () => {
  const known = await WordVocabulary.load(wordsFolder(['i', 'am', '.', '__proto__', 'constructor']))
  assert.is(known.size, 12)
  assert.equal(
    ['i', '.', 'I', 'toString', '__proto__', 'constructor'].map((word) => known.idOf(word)),
    [7, 9, 0, 0, 10, 11],
  )
  const ids = [6, 7, 8, 0, 8, 9, 2]
  assert.is(known.decode(ids), 'i am am .')
  const stream = known.stream()
  const pieces = ids.map((id) => stream.push(id))
  assert.equal([...pieces, stream.end()], ['', 'i', ' am', '', ' am', ' .', '', ''])
})

words('an id that no word has', async () => {
  const known = await WordVocabulary.load(wordsFolder(['i']))
  for (const id of [8, -1, 0.5]) {
    await refused(() => known.decode([id]), /cannot decode id .*from 0 to 7/)
    await refused(() => known.stream().push(id), /cannot decode id/)
  }
})

words('a vocab.json that is none', async () => {
  const load = (file: unknown) => () => WordVocabulary.load(filesFolder({ 'vocab.json': file }))
  const advice = /vocab\.json: .*; give the words that the model was trained with, as an object of word: id/
  await refused(() => WordVocabulary.load(filesFolder({})), /vocab\.json: no such file/, advice)
  await refused(load('{"UNK": 0'), /not JSON/, advice)
  await refused(load(['UNK']), /not an object/, advice)
  await refused(load({}), /holds no token/, advice)
  await refused(load({ ...vocabulary(['i']), am: 9 }), /token "am" has id 9, expected an integer from 0 to 8/, advice)
  await refused(load({ ...vocabulary(['i']), am: 7 }), /tokens "i" and "am" share id 7/, advice)
  await refused(load({ ...vocabulary(['i']), am: '8' }), /token "am" has id "8"/, advice)
  // A word that stands twice in the file is left with one id, and the other has none.
  await refused(load(JSON.stringify(vocabulary(['i', 'am', 'so'])).replace('"am"', '"i"')), /"so" has id 9/, advice)
  await refused(load({ i: 0, am: 1 }), /id 0 is "i", but must be UNK: the first are UNK, PAD, EOS, SOS, USR, SYS, CLS/)
  await refused(load({ UNK: 0, PAD: 1, EOS: 2, SOS: 3, USR: 4, SYS: 5 }), /id 6 is missing, but must be CLS/)
})

words.run()
