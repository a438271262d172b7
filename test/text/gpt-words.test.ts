import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { gptWords } from '../../src/text/gpt-words.js'

const words = suite('text/gpt-words')

/** Each text, and its words with spaces between them. */
function cut(cases: Record<string, string>): void {
  for (const [text, expected] of Object.entries(cases)) assert.is(gptWords(text).join(' '), expected, text)
}

words('standardises dashes, quotes, dots and spaces', () =>
  cut({
    'PersonX gives PersonY’s “word” — now…': 'personx gives persony \'s " word " - now ...',
    'a´b  c\u00a0d\te': "a'b c d e",
    'well-known (ﬁne)!!! ＯＫ': 'well - known ( fine ) ! ! ! ok',
    'cafe\u0301\u0000': 'café',
  }),
)

words('a line break is a word, however many there are', () => {
  assert.equal(gptWords(' \n one \r\n\n two\u2028\n'), ['one', '\n', 'two'])
  assert.equal(gptWords(' \n '), [])
})

words('cuts contractions', () =>
  cut({
    "I don't know; we can't, WON'T and shouldn't've": "i do n't know ; we ca n't , wo n't and should n't 've",
    "I'm sure she'd've gone, they're there": "i 'm sure she 'd 've gone , they 're there",
    'im not, ive been, id go, dont, thats cannot gonna': 'i m not , i ve been , i d go , do nt , that s can not gon na',
    'its ill shed were well hell': 'its ill shed were well hell',
    "John's, James', let's": "john 's , james ' , let 's",
    "could've y'all 'cause it's": "could 've y' all 'cause it 's",
  }),
)

words('cuts punctuation off the ends, and full stops, colons and slashes between words', () =>
  cut({
    'Done. U.S. Mr. Smith, e.g. at 5pm or 6a.m.': 'done . u.s. mr. smith , e.g. at 5 pm or 6 a.m.',
    "'quoted' #tag $5.00. 10% 3kg 20€": "' quoted ' # tag $ 5.00 . 10 % 3 kg 20 €",
    'end.Next wait...what a:b and/or 3.14 a,b': 'end . next wait ... what a : b and / or 3.14 a , b',
    'A. plan B.': 'a. plan b.',
  }),
)

words('a very long run takes no quadratic time', () => {
  assert.is(gptWords(':'.repeat(100_000)).length, 1)
  assert.is(gptWords(`${' '.repeat(500_000)}a${' '.repeat(500_000)}b`).length, 2)
})

words.run()
