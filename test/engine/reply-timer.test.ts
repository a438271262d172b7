import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Misc } from '../../src/engine/misc.js'
import { ReplyTimer } from '../../src/engine/reply-timer.js'
import { packagedModel } from '../../src/platform/node/packaged-model.js'
import { saying, tinyModel } from '../engine-model.js'
import { testAdapters } from '../gpu.js'

const timer = suite('engine/reply-timer')
const later = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const nothing = { queries: 0, tailsStart: 0, tailsSteps: 0, blocks: 0 }

timer('a part lasts from the end of the one before; of the steps the first counts apart', async () => {
  const times = new ReplyTimer()
  await later(20)
  times.queried()
  await later(40)
  for (let i = 0; i < 3; i++) {
    times.stepped()
    await later(30)
  }
  times.found()
  times.written()
  times.read()
  const { inferMs, readMs } = times.timings()
  assert.ok(inferMs.queries > 15 && inferMs.tailsStart > 35 && inferMs.tailsStart < 85, JSON.stringify(inferMs))
  assert.ok(inferMs.tailsSteps > 80 && inferMs.blocks < 15, JSON.stringify(inferMs))
  assert.ok(Object.values(inferMs).reduce((sum, it) => sum + it) <= readMs)
  assert.equal(new ReplyTimer().timings().inferMs, nothing)
})

timer('a text that is known takes no time, until it is forgotten; given blocks never do', async () => {
  const load = { adapter: testAdapters[0], comet: packagedModel('comet-mini') }
  await using misc = await Misc.load(await tinyModel(), load)
  const inferMs = async (input = {}) =>
    (await misc.reply({ ...saying('i lost my job'), ...input }, { maxNewTokens: 2 })).timings.inferMs
  const all = (times: typeof nothing) => Object.values(times).every((it) => it > 0)
  assert.ok(all(await inferMs()))
  const { blocks, ...asked } = await inferMs()
  assert.equal({ ...asked, blocks: 0 }, nothing)
  misc.forget()
  assert.ok(all(await inferMs()))
  misc.forget()
  const given = { post: [{ relation: 'xReact', tail: 'sad' }], situation: [] }
  assert.equal(await inferMs({ blocks: given }), nothing)
})

timer.run()
