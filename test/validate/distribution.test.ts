import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { distributionChange, idChange } from '../../src/validate/distribution.js'
import { assertClose } from '../gpu.js'

const distribution = suite('validate/distribution')
const logits = (...probabilities: number[]) => Float32Array.from(probabilities, Math.log)

distribution('the divergence from the other run, Δp of the id that came, and whether the likeliest stays', () => {
  const { kld, deltaP, sameTop } = idChange(logits(0.5, 0.25, 0.25), logits(0.25, 0.5, 0.25), 0, 3)
  assertClose([kld, deltaP], [0.25 * Math.log(0.5) + 0.5 * Math.log(2), 0.25], 1e-6)
  assert.not(sameTop)
})

distribution('a constant added to all logits, and ids beyond the vocabulary, change nothing', () => {
  const own = Float32Array.from([1, 2, 99]).map((it) => it + 5)
  const { kld, deltaP, sameTop } = idChange(own, Float32Array.from([1, 2, -7]), 1, 2)
  assertClose([kld, deltaP], [0, 0], 1e-6)
  assert.ok(sameTop)
})

distribution('what is summed up over ids', () => {
  const changes = Array.from({ length: 101 }, (_, i) => ({ kld: i, deltaP: (i - 50) / 100, sameTop: i % 2 === 0 }))
  const { ids, kld, delta_p, same_top } = distributionChange(changes)
  assert.equal(
    [ids, kld.mean, kld.median, kld.max, delta_p.quantiles['0'], delta_p.quantiles['1']],
    [101, 50, 50, 100, -0.5, 0.5],
  )
  assert.ok(Math.abs(kld.standard_error - Math.sqrt((101 * 102) / 12 / 101)) < 1e-9)
  assert.ok(Math.abs(delta_p.rms - Math.sqrt(0.085)) < 1e-9 && Math.abs(delta_p.mean) < 1e-12)
  assert.ok(Math.abs(same_top.part - 51 / 101) < 1e-12 && same_top.standard_error > 0.04)
})

distribution.run()
