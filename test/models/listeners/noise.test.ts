import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { noiseValues } from '../../../src/models/listeners/noise.js'
import { refused } from '../../throws.js'

const noise = suite('models/listeners/noise')

noise('a seed gives the same normal numbers each time, another seed others', () => {
  const values = noiseValues({ seed: 5 }, 5000)
  assert.equal(noiseValues({ seed: 5 }, 5000), values)
  // The numbers do not depend on how many there are.
  assert.equal(noiseValues({ seed: 5 }, 30), values.subarray(0, 60))
  assert.not.equal(noiseValues({ seed: 2 ** 40 + 5 }, 30), values.subarray(0, 60))
  const moment = (power: number) => values.reduce((sum, it) => sum + it ** power, 0) / values.length
  // Within four deviations of 10,000 draws.
  for (const [power, expected, deviation] of [
    [1, 0, 1],
    [2, 1, Math.sqrt(2)],
    [3, 0, Math.sqrt(15)],
    [4, 3, Math.sqrt(96)],
  ] as const) {
    assert.ok(Math.abs(moment(power) - expected) < (4 * deviation) / 100, `moment ${power}: ${moment(power)}`)
  }
  const pairs = values.filter((_, i) => i % 2 === 0).reduce((sum, it, i) => sum + it * values[2 * i + 1]!, 0) / 5000
  assert.ok(Math.abs(pairs) < 4 / Math.sqrt(5000))
})

noise('none, and given', async () => {
  assert.equal(noiseValues('zero', 3), new Float32Array(6))
  assert.equal(noiseValues({ positive: [1, 2], negative: [3, 4] }, 2), Float32Array.of(1, 2, 3, 4))
  await refused(() => noiseValues({ positive: [1, 2], negative: [3] }, 2), /noise has 2 and 1 numbers: it needs 2/)
})

noise.run()
