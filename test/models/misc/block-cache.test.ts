import * as assert from 'uvu/assert'
import { loadModel } from '../../../src/engine/load-model.js'
import type { Gpu } from '../../../src/gpu/gpu.js'
import { BlockCache } from '../../../src/models/misc/block-cache.js'
import { Run } from '../../../src/nn/run.js'
import { goldenModel } from '../../golden.js'
import { assertClose, gpuSuite } from '../../gpu.js'

/** A cache of this capacity, and what it does with blocks: their states, and the work recorded for them. */
async function setUp(gpu: Gpu, capacity: number) {
  const weights = await loadModel(gpu, await goldenModel('misc-tiny-paper'))
  const { dModel } = weights.config
  const cache = new BlockCache(gpu, dModel, capacity)
  const run = new Run(gpu, weights)
  const encode = async (...blocks: number[][]) => {
    const { rows, work } = await run.submit((pass) => {
      const rows = cache.encode(pass, blocks)
      return { rows, work: pass.recorder.length }
    })
    const states = await gpu.readF32(cache.states)
    return { work, states: rows.map((row) => states.slice(row * dModel, (row + 1) * dModel)) }
  }
  return { cache, encode }
}

gpuSuite('models/misc/block-cache', (test) => {
  const [a, b, c, d] = [[5, 6, 7], [8], [9, 10], [11, 12]]

  test('a block seen before is not encoded again, nor one that stands twice', async (gpu) => {
    const { cache, encode } = await setUp(gpu, 4)
    const first = await encode(a, b, a)
    assert.ok(first.work > 0)
    assert.is(cache.size, 2)
    assert.equal(first.states[0], first.states[2])
    assert.not.equal(first.states[0], first.states[1])

    const again = await encode(b, a)
    assert.is(again.work, 0)
    assert.equal(again.states, [first.states[1], first.states[0]])
    const mixed = await encode(c, a)
    assertClose(mixed.states[1]!, first.states[0]!)
    assert.is(cache.size, 3)

    cache.clear()
    const fresh = await encode(a)
    assert.ok(fresh.work > 0)
    assertClose(fresh.states[0]!, first.states[0]!)
  })

  test('the block unused for longest makes room; more than fit at once make a larger cache', async (gpu) => {
    const { cache, encode } = await setUp(gpu, 2)
    const { states } = await encode(a, b)
    await encode(a)
    const other = await encode(c)
    assert.is(cache.size, 2)
    assert.is((await encode(a)).work, 0)
    assert.ok((await encode(b)).work > 0)

    const all = await encode(a, b, c, d)
    assert.is(cache.size, 4)
    assertClose(all.states[0]!, states[0]!)
    assertClose(all.states[1]!, states[1]!)
    assertClose(all.states[2]!, other.states[0]!)
  })
})
