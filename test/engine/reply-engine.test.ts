/** What engines of all families do where the device goes away, or has no memory. */
import { cpSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { load } from '../../src/engine/load.js'
import { Misc } from '../../src/engine/misc.js'
import type { ReplyEngine } from '../../src/engine/reply-engine.js'
import { DeviceLostError, DisposedError, InputError, OutOfMemoryError } from '../../src/errors.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import { blenderbotModel } from '../blenderbot-model.js'
import { tinyComet } from '../comet-models.js'
import { tinyModel } from '../engine-model.js'
import { exhaust, testAdapters } from '../gpu.js'
import { jointModel } from '../joint.js'
import { listenersModel } from '../listeners-models.js'
import { tempFolder } from '../temp.js'

const adapter = testAdapters[0]!
const question = { dialogue: [{ speaker: 'seeker' as const, text: 'i lost my job' }], situation: 'i am alone' }
const options = { seed: 4, maxNewTokens: 12 }

const families = [
  ['MISC', () => tinyModel(), question],
  ['BlenderBot-Joint', jointModel, { dialogue: question.dialogue }],
  ['a plain BlenderBot', blenderbotModel, { dialogue: question.dialogue }],
  ['MIME', async () => listenersModel('mime-tiny'), { dialogue: question.dialogue }],
] as const

/** What draws an engine's replies now, and the device that it computes on. */
const decoderOf = (engine: object) => (engine as unknown as { decoder: { gpu: Gpu; shrink(): void } }).decoder
const gpuOf = (engine: object) => decoderOf(engine).gpu

/** Takes the device away, as a driver does that is reset. */
async function lose(engine: object): Promise<Gpu> {
  const gpu = gpuOf(engine)
  gpu.device.destroy()
  await gpu.device.lost
  return gpu
}

/** What an engine's call ends with. */
const outcome = (call: Promise<unknown>) =>
  call.then(
    () => 'a reply',
    (error: unknown) => (error as Error).constructor,
  )

/** What a stream has still to say. */
async function textOf(stream: AsyncGenerator<{ readonly text: string }>): Promise<string> {
  let text = ''
  for await (const piece of stream) text += piece.text
  return text
}

const lost = suite(`engine/reply-engine, a lost device, on ${adapter}`)

for (const [name, folder, asked] of families) {
  lost(
    `${name}: lost amid a reply, which rejects; the next call loads the model again, and replies the same`,
    async () => {
      await using engine = (await load(await folder(), { adapter, comet: false })) as ReplyEngine
      const longer = { seed: 4, maxNewTokens: 24, minLength: 24 }
      const before = await engine.reply(asked, longer)
      const stream = engine.stream(asked, longer)
      assert.is((await stream.next()).done, false)
      assert.is(engine.idle, false)
      const rest = outcome(textOf(stream))
      const gpu = await lose(engine)
      assert.is(await rest, DeviceLostError)
      const after = await engine.reply(asked, longer)
      assert.equal([after.ids, after.text], [before.ids, before.text])
      assert.is.not(gpuOf(engine), gpu)
      assert.is(gpuOf(engine).allocatedBytes > 0, true)
    },
  )
}

lost('what was being drawn or searched for rejects, and all that ask next load it once, its COMET too', async () => {
  await using misc = await Misc.load(await tinyModel(), { adapter, comet: await tinyComet() })
  const whole = await misc.reply(question, options)
  const beams = await misc.reply(question, { numBeams: 2, doSample: false, maxNewTokens: 12 })
  const longer = { ...options, maxNewTokens: 60, minLength: 60 }
  const drawing = [misc.reply(question, longer), misc.reply(question, { ...longer, numBeams: 2, doSample: false })]
  const stream = misc.stream(question, longer)
  await stream.next()
  const ends = Promise.all([...drawing, stream.return({} as never).then(() => drawing[0]!)].map(outcome))
  await lose(misc)
  assert.equal(await ends, [DeviceLostError, DeviceLostError, DeviceLostError])
  const again = await Promise.all([
    misc.reply(question, options),
    misc.reply(question, { numBeams: 2, doSample: false, maxNewTokens: 12 }),
    misc.encode(question),
  ])
  assert.equal([again[0].ids, again[1].ids, again[0].blocks], [whole.ids, beams.ids, whole.blocks])
  const first = gpuOf(misc)
  await misc.reply(question, options)
  assert.is(gpuOf(misc), first)
})

lost('where loading again fails, that call says why, and the next one tries once more', async () => {
  const folder = join(tempFolder(), 'model')
  cpSync(await tinyModel(), folder, { recursive: true })
  await using misc = await Misc.load(folder, { adapter, comet: false })
  const before = await misc.reply(question, options)
  await lose(misc)
  renameSync(folder, `${folder}, elsewhere`)
  assert.is(await outcome(misc.reply(question, options)), InputError)
  renameSync(`${folder}, elsewhere`, folder)
  assert.equal((await misc.reply(question, options)).ids, before.ids)
})

lost('an engine that is disposed of stays so: before it is loaded again, and while it is', async () => {
  const folder = await tinyModel()
  const before = await Misc.load(folder, { adapter, comet: false })
  await lose(before)
  await before.dispose()
  assert.is(await outcome(before.reply(question, options)), DisposedError)
  const amid = await Misc.load(folder, { adapter, comet: false })
  await lose(amid)
  const reply = outcome(amid.reply(question, options))
  await Promise.resolve()
  await amid.dispose()
  assert.is(await reply, DisposedError)
  assert.is(await outcome(amid.reply(question, options)), DisposedError)
})

lost.run()

const memory = suite(`engine/reply-engine, no memory, on ${adapter}`)

for (const [name, folder, asked] of families) {
  memory(
    `${name}: what lacks it rejects and says how much was asked for, nothing of it stays, and the next call finds all`,
    async () => {
      await using engine = (await load(await folder(), { adapter, comet: false })) as ReplyEngine
      const gpu = gpuOf(engine)
      const reply = async (seed: number) => (await engine.reply(asked, { ...options, seed })).ids
      const alone = [await reply(1), await reply(2), await reply(3)]
      /** Bytes of tensors, when the memory of many replies is given back. */
      const held = () => {
        decoderOf(engine).shrink()
        return gpu.allocatedBytes
      }
      assert.equal(await Promise.all([reply(1), reply(2), reply(3)]), alone)
      const before = held()
      let failures = 0
      for (let buffers = 0; ; buffers = 2 * buffers + 1) {
        const more = exhaust(gpu, buffers)
        const ended = await Promise.allSettled([reply(1), reply(2), reply(3)])
        const lacked = more()
        gpu.check()
        for (const [i, it] of ended.entries()) {
          if (it.status === 'fulfilled') assert.equal(it.value, alone[i])
          else {
            failures++
            assert.instance(it.reason, OutOfMemoryError)
            assert.match(it.reason.message, / [1-9]\d* bytes were asked for beside the \d+ of tensors in use /)
          }
        }
        assert.ok(held() <= before, `without buffer ${buffers}: ${held()} bytes, ${before} before`)
        assert.equal(await reply(2), alone[1])
        if (!lacked) break
      }
      assert.ok(failures > 0)
    },
  )
}

memory.run()
