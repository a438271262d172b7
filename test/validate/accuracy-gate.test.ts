import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { accuracyGate } from '../../src/validate/accuracy-gate.js'

const gate = suite('validate/accuracy-gate')
const scores = (loss: number, ...ids: number[]) => [
  { losses: new Float32Array(ids.length).fill(loss), bestIds: Uint32Array.from(ids) },
]
const ids = Array.from({ length: 200 }, (_, i) => i)

gate('counts replies, ids, the change and the ids that stay', () => {
  const other = ids.with(3, 0).with(5, 0)
  const { ok, ...found } = accuracyGate('int8', scores(2, ...ids), scores(2 + Math.log(1.009), ...other))
  assert.ok(ok)
  assert.equal([found.rows, found.tokens, found.argmax_agreement], [1, 200, 0.99])
  assert.ok(Math.abs(found.ppl_change - 0.009) < 1e-6)
  assert.ok(Math.abs(found.ppl_f32 - Math.exp(2)) < 1e-6)
})

gate('is missed by a perplexity that moves too far either way, by ids that differ, and by what is no number', () => {
  const exact = scores(2, ...ids)
  const f16 = (loss: number, best = ids) => accuracyGate('f16', exact, scores(loss, ...best)).ok
  assert.ok(f16(2.0009))
  assert.not(f16(2.0011))
  assert.not(f16(1.9989))
  assert.ok(f16(2, ids.with(0, 9)))
  assert.not(f16(2, ids.with(0, 9).with(1, 9)))
  assert.not(f16(Number.NaN))
})

gate.run()
