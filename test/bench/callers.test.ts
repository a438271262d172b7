/** The soak of bench/soak.ts, in small. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { call, growthOf, useNow } from '../../src/bench/callers.js'
import { Misc } from '../../src/engine/misc.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import { openGpu } from '../../src/platform/node/open-gpu.js'
import { tinyModel } from '../engine-model.js'
import { testAdapters } from '../gpu.js'

const callers = suite('bench/callers')

/** Counts a device's buffers that are not destroyed. */
function countBuffers({ device }: Gpu): () => number {
  const create = device.createBuffer
  let count = 0
  device.createBuffer = (descriptor) => {
    const buffer = create.call(device, descriptor)
    count++
    const { destroy } = buffer
    let destroyed = false
    buffer.destroy = () => {
      if (!destroyed) count--
      destroyed = true
      return destroy.call(buffer)
    }
    return buffer
  }
  return () => count
}

callers('64 callers that give up at random: host and GPU hold no more than before', async () => {
  const gpu = await openGpu({ adapter: testAdapters[0]! })
  const buffers = countBuffers(gpu)
  await using engine = await Misc.open(gpu, await tinyModel(), { comet: false })
  const outcomes = { whole: 0, aborted: 0 }
  const round = async (seed: number, replies: number) => {
    await call(engine, { callers: 64, replies, seconds: Number.POSITIVE_INFINITY, seed, maxNewTokens: 12 }, outcomes)
    assert.ok(engine.idle)
    return { ...useNow(gpu), buffers: buffers() }
  }
  // Until all memory is made that so many callers need.
  const first = await round(1, 128)
  const before = await round(2, 64)
  const after = await round(3, 128)
  assert.is(outcomes.whole + outcomes.aborted, 320)
  assert.ok(outcomes.whole > 80 && outcomes.aborted > 80, JSON.stringify(outcomes))
  const said = JSON.stringify({ first, before, after })
  assert.ok(after.gpu <= before.gpu * 1.1, said)
  assert.ok(after.buffers <= before.buffers * 1.1, said)
  assert.ok(after.heap + after.external < before.heap + before.external + 2 ** 21, said)
})

callers('growth is the least squares line', () => {
  const samples = [1, 3, 3, 5, 7].map((value, i) => [10 * i, value] as const)
  const { start, end, quartiles } = growthOf(samples)
  assert.equal([start.toFixed(6), end.toFixed(6), quartiles], ['1.000000', '6.600000', [3, 5]])
})

callers.run()
