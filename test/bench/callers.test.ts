/** The soak of bench/soak.ts, in small. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { call, growthOf, mostGrowth, type Sample, useNow } from '../../src/bench/callers.js'
import { Misc } from '../../src/engine/misc.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import { openGpu } from '../../src/platform/node/open-gpu.js'
import { randomSource } from '../../src/random-values.js'
import { tinyModel } from '../engine-model.js'
import { testAdapters } from '../gpu.js'

const callers = suite('bench/callers')

const words = 'i feel so alone since my job is gone and nobody calls me what should do about it all'.split(' ')

/** Of as many words as it says, in another order each. */
const questions = Array.from({ length: 48 }, (_, n) => {
  const text = Array.from({ length: 3 + (n % 20) }, (_, i) => words[(n * 7 + i * (1 + (n % 5))) % words.length])
  const said = [{ speaker: 'seeker' as const, text: text.join(' ') }]
  const earlier = { speaker: 'supporter' as const, text: 'what happened ?' }
  return { dialogue: n % 3 === 0 ? said : [...said, earlier, ...said], situation: `i feel ${words[n % words.length]}` }
})

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
    const much = { callers: 64, replies, seconds: Number.POSITIVE_INFINITY }
    await call(engine, { questions, ...much, seed, maxNewTokens: 12 }, outcomes)
    assert.ok(engine.idle)
    return { ...useNow(gpu), buffers: buffers() }
  }
  // The room of a full batch, and of many more searches than the quarter of callers that ask for one.
  for (const beams of [{}, { numBeams: 2, doSample: false }]) {
    await Promise.all(questions.map((it) => engine.reply(it, { ...beams, maxNewTokens: 12 })))
  }
  const first = await round(1, 128)
  const before = await round(2, 64)
  const after = await round(3, 128)
  assert.is(outcomes.whole + outcomes.aborted, 320)
  assert.ok(outcomes.whole > 80 && outcomes.aborted > 80, JSON.stringify(outcomes))
  const said = JSON.stringify({ first, before, after })
  // A step of so many rows keeps its parameters, 6 KB, from the first time that there are so many.
  assert.ok(after.gpu < before.gpu + 2 ** 18, said)
  assert.ok(after.buffers <= before.buffers * 1.1, said)
  assert.ok(after.heap + after.external < before.heap + before.external + 2 ** 21, said)
})

/** Samples of 60 moments: 300 MB, 20 of them made in the first quarter, and what is said of replies and of moments. */
function samplesOf(more: (replies: number, at: number) => number): Sample[] {
  return Array.from({ length: 61 }, (_, at) => {
    const replies = Math.round((10_000 * at) / 60)
    const value = 280e6 + 20e6 * Math.min(1, replies / 2500) + more(replies, at)
    return { replies, rss: value, heap: value, external: value, gpu: value }
  })
}

callers('what comes and goes has not grown; what every reply leaves has', () => {
  const random = randomSource(3)
  // Half the time up to 90 MB more, as garbage or beams hold it.
  const noise = () => 90e6 * Math.max(0, random(1)[0]!)
  const level = growthOf(samplesOf(noise), 'rss')
  assert.is(level.grows, false)
  assert.ok(Math.abs(level.start - 300e6) < 1e6 && Math.abs(level.end - 300e6) < 1e6, JSON.stringify(level))
  // One high sample at the end, and a fall.
  for (const more of [(_: number, at: number) => (at === 60 ? 500e6 : 0), (replies: number) => -10_000 * replies]) {
    assert.is(growthOf(samplesOf(more), 'heap').grows, false)
  }
  for (const [figure, bytes] of [
    ['rss', 8000],
    ['heap', 1000],
    ['external', 1000],
    ['gpu', 8000],
  ] as const) {
    const leaks = growthOf(
      samplesOf((replies) => bytes * replies + noise()),
      figure,
    )
    assert.is(leaks.grows, true, figure)
    assert.ok(leaks.end - leaks.start > mostGrowth[figure])
    const half = growthOf(
      samplesOf((replies) => (bytes / 2) * replies),
      figure,
    )
    assert.is(half.grows, false, figure)
  }
})

callers('of too few samples nothing is said', () => {
  assert.throws(() => growthOf([], 'rss'))
  assert.throws(() =>
    growthOf(
      samplesOf(() => 0).filter((_, at) => at % 60 === 0),
      'rss',
    ),
  )
})

callers.run()
