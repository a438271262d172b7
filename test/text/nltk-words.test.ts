import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { clean, cleanedWords } from '../../src/text/cleaned-words.js'
import { nltkWords, sentences, treebankWords } from '../../src/text/nltk-words.js'

const words = suite('text/nltk-words')

interface Line {
  text: string
  cut: { sentence: string; words: string }[]
}

const lines = readFileSync(new URL('../fixtures/text/words.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Line)

words('every line of NLTK’s: sentences by Punkt, and the words of each', () => {
  assert.ok(lines.length > 150)
  for (const { text, cut } of lines) {
    assert.equal(
      sentences(clean(text)),
      cut.map(({ sentence }) => sentence),
      text,
    )
    for (const { sentence, words } of cut) assert.is(treebankWords(sentence).join(' '), words, sentence)
  }
})

words('the last period of a sentence comes off its word, and no other', () => {
  const cut = (text: string) => nltkWords(text).join(' ')
  assert.is(cut('i am fine. thank you.'), 'i am fine . thank you .')
  assert.is(cut('so am i. thank you.'), 'so am i. thank you .')
  assert.is(cut('so am i. "thank you."'), "so am i . `` thank you . ''")
  assert.is(cut('ok. at 5 p.m. then'), 'ok. at 5 p.m. then')
  assert.is(cut('nope.never (i guess.) yes'), 'nope.never ( i guess . ) yes')
  // White space of any kind is a space.
  assert.is(cut("it’s\u00a0fine.\nthe boys' cat"), "it ’ s fine . the boys ' cat")
})

words('cleaning replaces in order, within words too, and keeps other apostrophes', () => {
  assert.is(clean("I'M sure IT'S so, can't you?"), 'i am sure it is so, cannot you?')
  // “we won't” holds “i'd” no more than “hai'd” does; what was written out is not looked at again but by later rules.
  assert.is(clean("bait's hai'd there're"), 'bait is hai would there are')
  assert.is(clean("shouldn't don’t y'all she'd"), "shouldn't don’t y'all she'd")
})

words('strategies in brackets are left out, by any of their spellings', () => {
  assert.is(cleanedWords('[Question] Why? [Others][Other]').join(' '), 'why ?')
  assert.is(cleanedWords('[Questions] [question]').join(' '), '[ question ]')
})

words('hostile text takes time by its length', () => {
  for (const unit of ['. ', '."', "'", '.) ', '[', '``', '. " ', '.-', '5.', "n't "]) {
    const started = performance.now()
    nltkWords(unit.repeat(20_000 / unit.length))
    assert.ok(performance.now() - started < 4000, JSON.stringify(unit))
  }
})

words.run()
