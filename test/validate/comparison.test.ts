import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { argMax, argMaxAgreement, compareStage, type StageLimits, stageLimits } from '../../src/validate/comparison.js'

const comparison = suite('validate/comparison')
const atMost = (limit: number): StageLimits => ({ hidden: limit, fusion: limit, probs: limit })
const f32 = (...values: number[]) => Float32Array.from(values)

comparison('the largest and the mean error, absolute and relative', () => {
  const { ok, ...stage } = compareStage('logits', f32(1, 2.5, -4), f32(1, 2, -2), atMost(2))
  assert.ok(ok)
  assert.is(stage.max_abs, 2)
  assert.ok(Math.abs(stage.mean_abs - 2.5 / 3) < 1e-12)
  assert.is(stage.max_rel, 1)
  assert.ok(Math.abs(stage.mean_rel - 1.25 / 3) < 1e-12)
  assert.equal([stage.name, stage.tolerance], ['logits', 2])
  assert.equal(stage.worst, { index: 2, value: -4, reference: -2 })
  assert.not(compareStage('logits', f32(1, 2.5, -4), f32(1, 2, -2), atMost(1.99)).ok)
})

comparison('values near zero do not drown the relative error', () => {
  assert.ok(Math.abs(compareStage('logits', f32(1e-6), f32(0), atMost(1)).max_rel - 1e-3) < 1e-9)
})

comparison('what is no number is infinitely far off, on either side', () => {
  for (const [actual, expected] of [
    [f32(0, NaN), f32(0, 0)],
    [f32(0, 0), f32(0, NaN)],
    [f32(0, Infinity), f32(0, 0)],
    [f32(0, Infinity), f32(0, Infinity)],
    [f32(0), f32(0, 0)],
    [f32(0, 0, 0), f32(0, 0)],
  ] as const) {
    const { ok, max_abs, max_rel } = compareStage('logits', actual, expected, atMost(1e9))
    assert.equal([ok, max_abs, max_rel], [false, Infinity, Infinity])
  }
})

comparison('what came in is no fault of a stage, what it adds is', () => {
  const stage = (added: Float32Array) => compareStage('logits', f32(1, 9), f32(1, 2), atMost(0.5), added)
  assert.equal([stage(f32(1, 2.25)).ok, stage(f32(1, 2.25)).added_max_abs], [true, 0.25])
  assert.equal([stage(f32(1, 4)).ok, stage(f32(1, 4)).max_abs, stage(f32(1, 4)).added_max_abs], [false, 7, 2])
  assert.equal([stage(f32(1, NaN)).ok, stage(f32(1)).added_max_abs], [false, Infinity])
  // Within the tolerance as it ran: what it adds to other values cannot make it wrong.
  assert.ok(compareStage('logits', f32(1), f32(1), atMost(0.5), f32(9)).ok)
})

comparison('a row may be off by what float32 loses there, and excuses no other row', () => {
  const compared = (first: number, second: number) =>
    compareStage('fusion.post', f32(first, 0, second, 0), f32(0, 0, 0, 0), atMost(0.01), undefined, f32(0.5, 0))
  const tie = compared(4, 0)
  assert.equal([tie.ok, tie.float32_loss, tie.tolerance], [true, 0.5, 8])
  assert.equal([compared(9, 0).ok, compared(0, 0.02).ok, compared(4, 0.02).tolerance], [false, false, 0.01])
})

comparison('how large values are, and how far from the end of f16', () => {
  const { range } = compareStage('logits', f32(1, -32752, NaN, Infinity), f32(1, 1, 1, 1), atMost(1))
  assert.equal(range, { largest: 32752, f16_room: 2, non_finite: 2 })
})

comparison('nothing to compare is no error', () => {
  const { ok, max_abs, mean_abs } = compareStage('fusion.post', f32(), f32(), atMost(1e-9))
  assert.equal([ok, max_abs, mean_abs], [true, 0, 0])
})

comparison('fusion and probabilities keep their tolerances', () => {
  assert.equal(
    ['logits', 'encoder.hidden.3', 'fusion.post', 'fusion.situation', 'strategy.logits', 'strategy.probs'].map(
      (name) => compareStage(name, f32(), f32(), { ...stageLimits('f32', 'misc'), hidden: 0.5 }).tolerance,
    ),
    [0.5, 0.5, 1e-3, 1e-3, 0.5, 5e-5],
  )
})

comparison('where the largest values lie', () => {
  assert.equal([argMax(f32(9, 1, 3, 3), 1, 3), argMax(f32(2, 1), 0, 2)], [1, 0])
  assert.is(argMaxAgreement(f32(1, 2, 4, 3, 0, 1), f32(1, 2, 3, 4, 0, 9), 2), 2 / 3)
})

comparison.run()
