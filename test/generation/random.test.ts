import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { multiplyHigh, philox4x32, randomWord } from '../../src/generation/random.js'
import { randomSeed, seedWords } from '../../src/generation/seed.js'

const random = suite('random numbers')

random('Philox gives the known answers of its authors', () => {
  const F = 0xffffffff
  assert.equal(philox4x32([0, 0, 0, 0], [0, 0]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8])
  assert.equal(philox4x32([F, F, F, F], [F, F]), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd])
  assert.equal(
    philox4x32([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  )
})

random('every bit of the seed and the step counts', () => {
  const words = [
    randomWord(1, 0),
    randomWord(1, 1),
    randomWord(2, 0),
    randomWord(1 + 2 ** 32, 0),
    randomWord(2 ** 53 - 1, 0),
  ]
  assert.is(new Set(words).size, words.length)
  assert.equal(seedWords(2 ** 53 - 1), [0xffffffff, 0x1fffff])
})

random('a missing seed is a fresh u32', () => {
  const seed = randomSeed()
  assert.ok(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)
  assert.is.not(randomSeed(), seed)
})

random('the upper halves of products are exact', () => {
  for (let i = 0; i < 200; i++) {
    const [a, b] = [randomWord(1, i), i < 5 ? 0xffffffff - i : randomWord(2, i)]
    assert.is(multiplyHigh(a, b), Number((BigInt(a) * BigInt(b)) >> 32n))
  }
})

random.run()
