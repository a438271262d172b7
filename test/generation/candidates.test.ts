import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { candidates } from '../../src/generation/candidates.js'
import { randomValues } from '../gpu.js'
import { distances, keepTopK, keepTopP, probabilities } from '../reference/warpers.js'

const test = suite('generation/candidates')

/** Some scores tie, and some are forbidden. */
const scoresOf = (seed: number) =>
  randomValues(400, seed).map((it, i) => (i % 9 === 0 ? -Infinity : Math.round(it * 80) / 10))

test('what is left, and its probabilities, are those that the draw on the GPU has', () => {
  const options = [
    { temperature: 0.7, topK: 30, topP: 0.3 },
    { temperature: 1, topK: 0, topP: 0.9 },
    { temperature: 2, topK: 5, topP: 1 },
    { temperature: 0.1, topK: 1, topP: 0.01 },
    { temperature: 1, topK: 0, topP: 1 },
  ]
  for (const [seed, it] of options.entries()) {
    const scores = scoresOf(seed)
    const distance = distances(scores, it.temperature)
    keepTopK(distance, it.topK)
    keepTopP(distance, it.topP)
    const expected = [...probabilities(distance).entries()].filter(([, p]) => p > 0)
    const { left, best, probabilityOf } = candidates(scores, { doSample: true, ...it }, 400)
    assert.is(left, expected.length)
    assert.equal(best.map(({ id }) => id).sort(), expected.map(([id]) => id).sort())
    for (const [id, p] of probabilities(distance).entries()) {
      assert.ok(Math.abs(probabilityOf(id) - p) < 1e-6, `${id}: ${probabilityOf(id)}, ${p}`)
    }
    best.forEach((it, i) => {
      assert.is(it.probability, probabilityOf(it.id))
      assert.ok(i === 0 || it.probability <= best[i - 1]!.probability)
    })
    assert.equal(candidates(scores, { doSample: true, ...it }, 3).best, best.slice(0, 3))
  }
})

test('without sampling, temperature, top-k and top-p count for nothing', () => {
  const scores = scoresOf(1)
  const whole = { doSample: true, temperature: 1, topK: 0, topP: 1 }
  const unsampled = { doSample: false, temperature: 0.1, topK: 2, topP: 0.1 }
  assert.equal(candidates(scores, unsampled, 400).best, candidates(scores, whole, 400).best)
})

test.run()
