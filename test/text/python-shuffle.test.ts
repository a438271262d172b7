import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { pythonShuffle } from '../../src/text/python-shuffle.js'

const shuffle = suite('text/python-shuffle')

// CPython 3.11: random.seed(seed); order = list(range(length)); random.shuffle(order)
shuffle('the order is CPython’s', () => {
  assert.equal(pythonShuffle(20, 13), [19, 6, 15, 16, 0, 18, 17, 14, 1, 12, 2, 11, 10, 3, 13, 4, 7, 5, 9, 8])
  assert.equal(pythonShuffle(1300, 13).slice(0, 5), [844, 1063, 1268, 1179, 1002])
  // Beyond one filling of the generator's state.
  assert.equal(pythonShuffle(3000, 7).slice(0, 5), [2563, 1398, 1252, 2383, 1272])
  assert.equal([pythonShuffle(0, 13), pythonShuffle(1, 13)], [[], [0]])
})

shuffle.run()
