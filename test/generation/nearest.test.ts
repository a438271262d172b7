import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nearest } from '../../src/generation/nearest.js'

const nearestWord = suite('nearest')

nearestWord('finds the word that was meant', () => {
  const words = ['topP', 'topK', 'temperature', 'maxLength']
  assert.is(nearest('TOP_P', words), 'topP')
  assert.is(nearest('temprature', words), 'temperature')
  assert.is(nearest('max-lenght', words), 'maxLength')
})

nearestWord('suggests nothing where nothing is close', () => {
  assert.is(nearest('numBeams', ['topP', 'topK']), undefined)
  assert.is(nearest('topP', []), undefined)
})

nearestWord.run()
