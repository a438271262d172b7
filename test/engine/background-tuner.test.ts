import { existsSync, writeFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { tuneInBackground } from '../../src/engine/background-tuner.js'
import { openModel } from '../../src/engine/load-model.js'
import { Misc } from '../../src/engine/misc.js'
import { modelQuestions } from '../../src/engine/model-questions.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import { openGpu } from '../../src/platform/node/open-gpu.js'
import { findSwiftShader } from '../../src/platform/node/swiftshader.js'
import { readTuning, tuningFile, writeTuning } from '../../src/platform/node/tuning-file.js'
import { Budget } from '../../src/tune/budget.js'
import type { Tuning, Warn } from '../../src/tune/tuning.js'
import { saying, tinyModel } from '../engine-model.js'
import { firstGpuSuite, testAdapters } from '../gpu.js'
import { inCache } from '../platform/node/in-cache.js'
import { tempFolder } from '../temp.js'

const nothing = { choices: new Map(), unfinished: 0 }

/** A scheduler that others use now and then; counts how often the tuner had its turn. */
function turns(busyFor = 0) {
  let checks = 0
  return {
    slices: 0,
    get idle() {
      return ++checks > busyFor
    },
    async exclusive<T>(work: () => Promise<T>): Promise<T> {
      this.slices++
      return work()
    },
  }
}

/** Tunes in a process that has something else to do: the tuner itself keeps none alive. */
async function tuneNow(
  gpu: Gpu,
  turns: Parameters<typeof tuneInBackground>[1],
  earlier: Tuning,
  warn: Warn,
  budget?: Budget,
): Promise<void> {
  const alive = setInterval(() => {}, 1000)
  await tuneInBackground(gpu, turns, earlier, (tuning) => writeTuning(gpu.adapter, tuning), warn, budget)
  clearInterval(alive)
}

firstGpuSuite('engine/background-tuner', (test) => {
  test('measures in slices, and writes for the next load', (gpu) =>
    inCache(async () => {
      modelQuestions(gpu, await openModel(gpu, await tinyModel()))
      const memory = gpu.allocatedBytes
      const scheduler = turns(2)
      // A clock that knows no slow machines: a slice takes a millisecond, and there is time for three classes: one that surprises is measured again after the next.
      let clock = 0
      const budget = new Budget(1080, () => clock++)
      await tuneNow(gpu, scheduler, nothing, assert.unreachable, budget)
      const { choices, unfinished } = await readTuning(gpu.adapter, assert.unreachable)
      assert.ok(choices.size > 0, 'nothing was measured')
      assert.is(unfinished, 0)
      assert.ok(scheduler.slices > choices.size)
      assert.is(budget.spent, scheduler.slices)
      assert.is(gpu.variants.measured.size, 0, 'the running engine changed its kernels')
      assert.is(gpu.allocatedBytes, memory)
    }))

  test('what is measured is not measured again; after two tries that did not end, nothing is', (gpu) =>
    inCache(async () => {
      const choice = { guess: 'plain', choice: 'plain', ms: { plain: 1 } }
      const known = gpu.variants.asked.map(
        ({ shapeClass, candidates }) => [shapeClass.key, { ...choice, left_out: candidates }] as const,
      )
      for (const earlier of [
        { choices: new Map(known), unfinished: 0 },
        { choices: new Map(), unfinished: 2 },
      ]) {
        const scheduler = turns()
        await tuneNow(gpu, scheduler, earlier, assert.unreachable)
        assert.is(scheduler.slices, 0)
      }
      assert.equal(await readTuning(gpu.adapter, assert.unreachable), nothing)
    }))

  test('a cache that cannot be written: not a word', async (gpu) => {
    const file = `${tempFolder()}/file`
    writeFileSync(file, '')
    const scheduler = turns()
    await inCache(() => tuneNow(gpu, scheduler, nothing, assert.unreachable), file)
    assert.is(scheduler.slices, 0)
  })
})

firstGpuSuite('engine/misc and what was measured earlier', (test) => {
  test('used by a load, unless it says tune: false; the same ids; a damaged file is told of', (gpu) =>
    inCache(async () => {
      await findSwiftShader()
      const folder = await tinyModel()
      const draw = async (options: { tune?: boolean; onWarning?: (message: string) => void }) => {
        await using misc = await Misc.load(folder, { adapter: gpu.adapter.name, ...options })
        return (await misc.reply(saying('i feel sad'), { seed: 1, maxLength: 4 })).ids
      }
      const ids = await draw({ tune: false })
      const key = 'gemv f32 1x32x64'
      const choice = { guess: 'plain', choice: 'coalesced', ms: { plain: 2, coalesced: 1 }, left_out: [] }
      await writeTuning(gpu.adapter, { choices: new Map([[key, choice]]), unfinished: 0 })
      assert.equal(await draw({ onWarning: assert.unreachable }), ids)
      writeFileSync(tuningFile(gpu.adapter), 'x')
      const words: string[] = []
      assert.equal(await draw({ onWarning: (message) => words.push(message) }), ids)
      assert.match(words.join(), /^\S+\.json: not JSON .*: kernels measured earlier are not used/)
      await draw({ tune: false, onWarning: assert.unreachable })
    }))
})

// On one adapter: whose turn it is depends on none.
const load = suite(`engine/misc, measured after a load on ${testAdapters[0]}`)

load('with tune: true, beside replies; an engine disposed meanwhile leaves no trace', async () => {
  const gpu = await openGpu({ adapter: testAdapters[0]! })
  const { adapter } = gpu
  await gpu.dispose()
  await inCache(async () => {
    await findSwiftShader()
    const folder = await tinyModel()
    const options = { adapter: adapter.name, tune: true, onWarning: assert.unreachable }
    const known = () => readTuning(adapter, assert.unreachable)
    const until = async (done: (tuning: Tuning) => boolean) => {
      while (!existsSync(tuningFile(adapter)) || !done(await known())) await wait(20)
    }
    {
      await using misc = await Misc.load(folder, options)
      await until(({ unfinished }) => unfinished === 1)
      await misc.reply(saying('i feel sad'), { seed: 1, maxLength: 4 })
    }
    await until(({ unfinished }) => unfinished === 0)
    await using misc = await Misc.load(folder, options)
    await until(({ unfinished }) => unfinished === 1)
    const before = await misc.reply(saying('i feel sad'), { seed: 1, maxLength: 4 })
    await until(({ unfinished }) => unfinished === 0)
    const after = await misc.reply(saying('i feel sad'), { seed: 1, maxLength: 4 })
    assert.equal(after.ids, before.ids)
  })
})

load.run()
