import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { suiteNames } from '../../src/bench/bench.js'
import { measureCeilings } from '../../src/bench/ceilings.js'
import { gpuSuite } from '../gpu.js'
import { checkSuites } from './check-suites.js'

const benches = suite('bench/bench')

benches('every suite that needs no text has the figures that it promises', () =>
  checkSuites(
    'misc-tiny-released',
    suiteNames.filter((name) => name !== 'pipeline'),
  ),
)

benches.run()

gpuSuite('ceilings', (test) => {
  test('are measured, and leave nothing behind', async (gpu) => {
    const before = gpu.allocatedBytes
    const { read_bandwidth: read, fma } = await measureCeilings(gpu, 2 ** 24)
    assert.is(read.bytes, 2 ** 24)
    for (const rate of [read.gb_per_s, fma.gflop_per_s]) assert.ok(Number.isFinite(rate) && rate > 0, `${rate}`)
    assert.is(gpu.allocatedBytes, before)
  })
})
