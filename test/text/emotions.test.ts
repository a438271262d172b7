import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EMPATHETIC_EMOTIONS, EMPATHETIC_OF_ESCONV, ESCONV_EMOTIONS, emotionNames } from '../../src/text/emotions.js'

const emotions = suite('text/emotions')

/** MIME's negative emotions, as its sampler lists them (baselines §4). */
const NEGATIVE = [9, 4, 2, 14, 30, 29, 25, 15, 10, 23, 19, 18, 21, 7, 20, 5, 26, 12, 22]

emotions('their numbers are those of the programs and of the data', () => {
  const numbered = {
    surprised: 0,
    sad: 5,
    disgusted: 10,
    joyful: 16,
    furious: 19,
    content: 24,
    ashamed: 29,
    faithful: 31,
  }
  for (const [name, id] of Object.entries(numbered))
    assert.is((EMPATHETIC_EMOTIONS as readonly string[]).indexOf(name), id)
  assert.is(new Set(EMPATHETIC_EMOTIONS).size, 32)
  assert.equal([ESCONV_EMOTIONS.length, ESCONV_EMOTIONS[3], ESCONV_EMOTIONS[10]], [11, 'depression', 'guilt'])
})

emotions('those of ESConv are negative ones of MIME’s', () => {
  const ids = ESCONV_EMOTIONS.map((name) => EMPATHETIC_EMOTIONS.indexOf(EMPATHETIC_OF_ESCONV[name]))
  assert.equal(ids, [14, 4, 9, 25, 5, 10, 29, 30, 15, 21, 18])
  assert.ok(ids.every((id) => NEGATIVE.includes(id)))
})

emotions('a model of another number of them has none but numbers for them', () => {
  assert.is(emotionNames(32), EMPATHETIC_EMOTIONS)
  assert.is(emotionNames(11), ESCONV_EMOTIONS)
  assert.equal(emotionNames(3), ['0', '1', '2'])
})

emotions.run()
