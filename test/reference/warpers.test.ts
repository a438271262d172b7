import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { processScores } from '../../src/generation/processors.js'
import { samplingCases } from '../generation/golden-sampling.js'
import { distances, fractionOf, keepTopK, keepTopP, OUT, probabilities, weight } from './warpers.js'

const warpers = suite('warpers')

warpers('agree with every golden case', async () => {
  for (const { name, logits, history, probs, options, rules } of await samplingCases()) {
    const scores = logits.slice()
    processScores(scores, { history, drawn: history.length }, options, rules)
    const distance = distances(scores, options.temperature)
    keepTopK(distance, options.topK)
    keepTopP(distance, options.topP)
    for (const [id, probability] of probabilities(distance).entries()) {
      const close = Math.abs(probability - probs[id]!) <= 1e-6
      assert.ok(close, `case ${name}, id ${id}: ${probability}, expected ${probs[id]}`)
      // Ids 32 bits below the best may be dropped, but none may be added.
      assert.ok(probs[id]! > 0 || probability === 0, `case ${name}, id ${id} should be out`)
    }
  }
})

warpers('a weight is the probability over the best one’s', () => {
  assert.is(weight(0), 2 ** 31)
  assert.is(weight(OUT), 0)
  for (let i = 0; i < 10_000; i++) {
    const distance = Math.floor((i / 10_000) * 2 ** 32)
    const exact = 2 ** (31 - distance / 2 ** 27)
    assert.ok(Math.abs(weight(distance) - exact) <= 1 + 2e-7 * exact, `${distance}: ${weight(distance)}, not ${exact}`)
    assert.ok(weight(distance) >= weight(distance + 1000), `${distance}: a farther id weighs more`)
  }
})

const kept = (distance: Uint32Array) => Array.from(distance.keys()).filter((id) => distance[id] !== OUT)

warpers('top-k keeps ids that tie with the k-th', () => {
  const scores = Float32Array.of(1, 3, 2, 2, 0)
  const keep = (k: number) => {
    const distance = distances(scores, 1)
    keepTopK(distance, k)
    return kept(distance)
  }
  assert.equal(keep(1), [1])
  assert.equal(keep(2), [1, 2, 3])
  assert.equal(keep(4), [0, 1, 2, 3])
  assert.equal(keep(0), [0, 1, 2, 3, 4])
  assert.equal(keep(99), [0, 1, 2, 3, 4])
})

warpers('top-p keeps the smallest prefix above p, lower ids first among ties', () => {
  const keep = (scores: number[], p: number) => {
    const distance = distances(Float32Array.from(scores), 1)
    keepTopP(distance, p)
    return kept(distance)
  }
  const scores = [0.1, 0.4, 0.2, 0.3].map(Math.log)
  assert.equal(keep(scores, 1e-9), [1])
  assert.equal(keep(scores, 0.39), [1])
  assert.equal(keep(scores, 0.41), [1, 3])
  assert.equal(keep(scores, 0.95), [0, 1, 2, 3])
  assert.equal(keep(scores, 1), [0, 1, 2, 3])
  assert.equal(keep([0, 0, 0, 0], 0.3), [0, 1])
  assert.equal(keep([0, 0, 0, 0], 0.5), [0, 1, 2], 'a mass of exactly p does not exceed it')
})

warpers('no score or only forbidden ones leave nothing', () => {
  for (const scores of [[], [-Infinity, -Infinity]]) {
    assert.equal(kept(distances(Float32Array.from(scores), 1)), [])
  }
  assert.equal(kept(distances(Float32Array.of(-Infinity, 1), 1)), [1])
})

warpers('parts of sums are exact', () => {
  assert.is(fractionOf(2 ** 48 - 1, 0xffffffff), 2 ** 48 - 2 ** 16 - 1)
  assert.is(fractionOf(12, 2 ** 31), 6)
})

warpers('temperatures at either end do no harm', () => {
  const scores = Float32Array.of(1, 2, 2, 1.9)
  assert.equal(kept(distances(scores, 1e-40)), [1, 2])
  assert.equal([...distances(scores, 1e30)], [0, 0, 0, 0])
})

warpers.run()
