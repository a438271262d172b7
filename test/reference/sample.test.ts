import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bestId, drawId, nextId } from './sample.js'
import { distances, OUT } from './warpers.js'

const sampling = suite('sample, the twin')

const options = { doSample: true, temperature: 1, topK: 0, topP: 1, seed: 7 }

sampling('the best id is the lowest of those that tie', () => {
  assert.is(bestId(Float32Array.of(1, 5, 5, 2)), 1)
  assert.is(bestId(Float32Array.of(-Infinity, -3)), 1)
})

sampling('nothing is drawn from nothing, nor beside +∞ or what is no number', () => {
  const nothing = [[], [-Infinity, -Infinity], [Number.NaN], [1, Number.NaN, 2], [1, Infinity, -Infinity]]
  for (const scores of nothing.map((it) => Float32Array.from(it))) {
    assert.is(bestId(scores), undefined)
    assert.is(nextId(scores, options, 0), undefined)
  }
})

sampling('the draw walks ids upwards', () => {
  const distance = distances(Float32Array.of(0, 0, -Infinity, 0, 0), 1)
  const draws = [0, 0.24, 0.26, 0.49, 0.51, 0.76, 1].map((it) =>
    drawId(distance, Math.min(Math.floor(it * 2 ** 32), OUT)),
  )
  assert.equal(draws, [0, 0, 1, 1, 3, 4, 4])
})

sampling('the same seed and step give the same id; others give others', () => {
  const scores = new Float32Array(1000)
  const draw = (seed: number, step: number) => nextId(scores, { ...options, seed }, step)
  assert.is(draw(7, 3), draw(7, 3))
  assert.is.not(draw(7, 3), draw(7, 4))
  assert.is.not(draw(7, 3), draw(8, 3))
})

sampling('this draw stays what it is', () => {
  const scores = Float32Array.from({ length: 50 }, (_, id) => Math.sin(id) * 4)
  const ids = Array.from({ length: 12 }, (_, step) => nextId(scores, { ...options, seed: 2022 }, step))
  assert.equal(ids, [2, 2, 8, 1, 8, 46, 27, 33, 14, 46, 20, 32])
})

sampling('frequencies are the probabilities', () => {
  const p = [0.5, 0.3, 0.15, 0.05]
  const scores = Float32Array.from(p, Math.log)
  const counts = [0, 0, 0, 0]
  const draws = 20_000
  for (let step = 0; step < draws; step++) counts[nextId(scores, options, step)!]! += 1
  for (const [id, count] of counts.entries()) {
    const deviation = Math.sqrt((p[id]! * (1 - p[id]!)) / draws)
    assert.ok(Math.abs(count / draws - p[id]!) < 4 * deviation, `id ${id} was drawn ${count} times of ${draws}`)
  }
})

sampling.run()
