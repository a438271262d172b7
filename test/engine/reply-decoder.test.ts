import * as assert from 'uvu/assert'
import type { DecoderOf } from '../../src/engine/load-decoder.js'
import { loadModel, readConfig } from '../../src/engine/load-model.js'
import { ReplyDecoder, type ReplyStart } from '../../src/engine/reply-decoder.js'
import { ReplyScheduler } from '../../src/engine/scheduler.js'
import { InputError, OutOfMemoryError } from '../../src/errors.js'
import { type GenerationOptions, resolveOptions } from '../../src/generation/options.js'
import { tokenRules } from '../../src/generation/token-rules.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import type { MiscWeights } from '../../src/models/misc/layout.js'
import type { DialogueIds } from '../../src/models/misc/misc.js'
import { MiscModel } from '../../src/models/misc/model.js'
import { MAX_POSITIONS, tinyModel } from '../engine-model.js'
import { exhaust, ownGpuSuite, seededRandom } from '../gpu.js'

/** Memory that a test leaves is not given back while another counts. */
const hour = 3_600_000

type Start = ReplyStart<DialogueIds>

const folder = await tinyModel()
/** Any id may be drawn. */
const rules = tokenRules(await readConfig(folder))

/** The tiny model, likely to end a reply at any id. */
async function load(gpu: Gpu): Promise<MiscWeights> {
  const weights = await loadModel(gpu, folder)
  gpu.write(weights.logitsBias, Float32Array.of(8.5), rules.eosIds[0]!)
  return weights
}

/** A dialogue of random ids, its lengths drawn too. */
function randomStart(seed: number, generation: GenerationOptions): Start {
  const random = seededRandom(seed)
  const upTo = (n: number) => Math.floor(random() * n)
  const ids = (length: number) => Array.from({ length }, () => 3 + upTo(5000))
  const blocks = () => Array.from({ length: upTo(4) }, () => ids(1 + upTo(6)))
  const dialogue = { context: ids(1 + upTo(MAX_POSITIONS)), post: blocks(), situation: blocks() }
  return { input: dialogue, options: resolveOptions({ seed, ...generation }), history: [1] }
}

/** Ids and end of a reply; `abortAt` ids its signal says stop. */
type Ask = (start: Start, abortAt?: number, onId?: (count: number) => void) => Promise<string>

function scheduler(decoder: DecoderOf<'misc'>, stepsInFlight: number): Ask {
  const replies = new ReplyScheduler(decoder, { stepsInFlight, maxQueue: 100, idleMs: hour })
  return (start, abortAt, onId) =>
    new Promise((resolve, reject) => {
      const stop = new AbortController()
      const ids: number[] = []
      replies.add({
        ...start,
        signal: stop.signal,
        encoded: () => {},
        drawn: (id) => {
          ids.push(id)
          onId?.(ids.length)
          if (ids.length === abortAt) stop.abort()
        },
        finished: (reason) => resolve(`${ids} ${reason}`),
        failed: reject,
      })
    })
}

ownGpuSuite('engine/reply-decoder', (test) => {
  test('what was compiled ahead is all that such a dialogue needs, and changes no reply', async (gpu) => {
    const weights = await load(gpu)
    const [cold, warm] = [
      new ReplyDecoder(gpu, new MiscModel(gpu, weights), rules),
      new ReplyDecoder(gpu, new MiscModel(gpu, weights), rules),
    ]
    const start = randomStart(5, { maxLength: 20, doSample: false })
    const runKernels = await warm.compile(start.input)
    await runKernels()
    const kernels = gpu.kernelCount
    const told = await scheduler(warm, 1)(start)
    assert.is(gpu.kernelCount, kernels)
    assert.is(told, await scheduler(cold, 1)(start))
    for (const decoder of [cold, warm]) decoder.dispose()
  })

  test('each reply is what it is alone, however many steps are in flight and whoever comes and goes', async (gpu) => {
    const decoder = new ReplyDecoder(gpu, new MiscModel(gpu, await load(gpu)), rules)
    const starts = Array.from({ length: 24 }, (_, i) => {
      const wide = { temperature: 1.5, topK: 0, topP: 1 }
      const ways: GenerationOptions[] = [{ doSample: false }, wide, { topP: 0.9 }]
      return randomStart(i, { ...ways[i % 3], maxLength: 2 + ((i * 7) % 40), repetitionPenalty: 1.2 })
    })
    const alone: string[] = []
    const one = scheduler(decoder, 1)
    for (const start of starts) alone.push(await one(start))
    const ends = new Set(alone.map((it) => it.split(' ')[1]))
    assert.equal(ends, new Set(['stop', 'length']), 'the model ends some replies, and not all')

    for (const stepsInFlight of [1, 2, 4]) {
      const ask = scheduler(decoder, stepsInFlight)
      const asked: Promise<void>[] = []
      for (const [i, start] of starts.entries()) {
        const abortAt = i % 5 === 4 ? 1 + (i % 3) : undefined
        const whole = alone[i]!
        const cut = `${whole.split(' ')[0]!.split(',').slice(0, abortAt)} aborted`
        asked.push(
          ask(start, abortAt).then((told) => {
            const wanted = abortAt && told.endsWith('aborted') ? cut : whole
            assert.is(told, wanted, `reply ${i}, ${stepsInFlight} in flight`)
          }),
        )
        if (i % 6 === 5) await asked[i - 3]
      }
      await Promise.all(asked)
      assert.is(decoder.size, 0)
    }
    decoder.dispose()
  })

  test('a reply whose logits are not finite fails, and those beside it and after it are what they are alone', async (gpu) => {
    const weights = await loadModel(gpu, folder)
    const decoder = new ReplyDecoder(gpu, new MiscModel(gpu, weights), rules)
    const ask = scheduler(decoder, 2)
    const told = (start: Start) => ask(start).catch((error) => (error as Error).constructor.name)
    const long = 30
    const start = (seed: number, context: number, more: GenerationOptions = {}): Start => {
      const it = randomStart(seed, { maxLength: 12, minLength: 12, ...more })
      return { ...it, input: { ...it.input, context: Array.from({ length: context }, (_, i) => 3 + seed + i) } }
    }
    // Every second reply meets the fault. Those that follow take slots and memory that it has been in.
    const starts = Array.from({ length: 12 }, (_, i) => start(i, i % 2 ? long + 2 : 5 + i))
    const alone: string[] = []
    for (const it of starts) alone.push(await told(it))
    const { dModel: d } = weights.config
    const { positions } = weights.encoder
    const sound = await gpu.readF32(positions)
    for (const fault of [Number.NaN, Number.POSITIVE_INFINITY]) {
      gpu.write(positions, new Float32Array(d).fill(fault), long * d)
      for (let round = 0; round < 2; round++) {
        const replies = await Promise.all(starts.map(told))
        assert.equal(
          replies,
          alone.map((it, i) => (i % 2 ? 'GpuError' : it)),
          `${fault}, round ${round}`,
        )
      }
      gpu.write(positions, sound)
      assert.equal(await Promise.all(starts.map(told)), alone, `after ${fault}`)
    }
    // In the logits alone: of an id that a reply may not draw yet, it does no harm.
    const eager = start(50, 9, { minLength: 0 })
    for (const fault of [Number.NaN, Number.POSITIVE_INFINITY]) {
      gpu.write(weights.logitsBias, Float32Array.of(fault), rules.eosIds[0]!)
      const replies = await Promise.all([...starts, eager].map(told))
      assert.equal(replies, [...alone, 'GpuError'], `bias ${fault}`)
    }
    assert.is(decoder.size, 0)
    decoder.dispose()
  })

  test('a caller’s code that throws fails its own reply, and leaves those beside it alone', async (gpu) => {
    const decoder = new ReplyDecoder(gpu, new MiscModel(gpu, await load(gpu)), rules)
    const replies = new ReplyScheduler(decoder, { stepsInFlight: 3, maxQueue: 100, idleMs: hour })
    const ask = (seed: number, drawn: (id: number) => void = () => {}) =>
      new Promise<string>((resolve) => {
        const ids: number[] = []
        const take = (id: number) => {
          drawn(id)
          ids.push(id)
        }
        const failed = (error: unknown) => resolve(`${ids} ${(error as Error).message}`)
        const start = randomStart(seed, { maxLength: 15, minLength: 15 })
        replies.add({ ...start, encoded: () => {}, drawn: take, finished: (it) => resolve(`${ids} ${it}`), failed })
      })
    const alone = [await ask(1), await ask(2), await ask(3)]
    const unknown = () => {
      throw new InputError('an unknown id')
    }
    const together = await Promise.all([ask(1), ask(7, unknown), ask(2), ask(8, unknown), ask(3)])
    assert.equal(together, [alone[0], ' an unknown id', alone[1], ' an unknown id', alone[2]])
    assert.is(decoder.size, 0)
    decoder.dispose()
  })

  test('a step makes no GPU object but its command buffer, and so does the end of a reply', async (gpu) => {
    const decoder = new ReplyDecoder(gpu, new MiscModel(gpu, await load(gpu)), rules)
    const count = async (work: () => Promise<void>): Promise<string[]> => {
      const created: string[] = []
      const device = gpu.device as unknown as Record<string, unknown>
      const names = Object.getOwnPropertyNames(Object.getPrototypeOf(device)).filter((it) => it.startsWith('create'))
      assert.ok(names.length > 8, names.join())
      for (const name of names) {
        const create = device[name] as (...args: unknown[]) => unknown
        device[name] = (...args: unknown[]) => {
          created.push(name)
          return create.apply(gpu.device, args)
        }
      }
      const bytes = gpu.allocatedBytes
      try {
        await work()
      } finally {
        for (const name of names) delete device[name]
      }
      assert.is(gpu.allocatedBytes, bytes)
      return created
    }
    await decoder.start([0, 1, 2].map((seed) => randomStart(seed, { maxLength: 40, minLength: 40 })))
    const inFlight = 3
    const steps = async (steps: number) => {
      const draws = []
      for (let i = 0; i < steps; i++) {
        draws.push((await decoder.submitStep()).draws)
        if (draws.length === inFlight) await draws.shift()
      }
      await Promise.all(draws)
    }
    await steps(inFlight)
    assert.equal(await count(() => steps(10)), Array(10).fill('createCommandEncoder'))
    assert.equal(await count(() => decoder.release(0)), ['createCommandEncoder'])
    decoder.dispose()
  })

  test('replies that are drawn move to more memory with steps in flight', async (gpu) => {
    const decoder = new ReplyDecoder(gpu, new MiscModel(gpu, await load(gpu)), rules)
    const options = { maxLength: 30, minLength: 30, doSample: false }
    const [first, second] = [1, 2].map((seed) => randomStart(seed, options))
    const ids: number[][] = []
    for (const joined of [false, true]) {
      const drawn: number[] = []
      await decoder.start([first!])
      const one = [await decoder.submitStep(), await decoder.submitStep()]
      if (joined) await decoder.start([second!])
      const two = [await decoder.submitStep(), await decoder.submitStep()]
      for (const { draws } of [...one, ...two]) drawn.push((await draws)[0]!.id)
      ids.push(drawn)
      decoder.reset()
    }
    assert.equal(ids[0], ids[1])
    decoder.dispose()
  })

  test('no memory for a reply, whatever it lacks: those being drawn go on, and it may come again', async (gpu) => {
    const weights = await load(gpu)
    const before = gpu.allocatedBytes
    const decoder = new ReplyDecoder(gpu, new MiscModel(gpu, weights), rules)
    const ask = scheduler(decoder, 2)
    const options = { maxLength: 14, minLength: 14, temperature: 1.5, topK: 0, topP: 1 }
    // As long as they get, so that the one that joins needs more working memory than was made for those before it.
    const [first, second, joining] = [1, 2, 3].map((seed) => randomStart(seed, options))
    const long = { ...joining!, input: { ...joining!.input, context: Array(MAX_POSITIONS).fill(7) } }
    const alone: string[] = []
    for (const start of [first!, second!, long]) alone.push(await ask(start))

    const lacking = new Set<string>()
    for (let buffers = 0; ; buffers++) {
      let more = () => false
      const running: Promise<string>[] = []
      const join = new Promise<string>((resolve, reject) => {
        const onId = (count: number) => {
          if (count !== 3) return
          more = exhaust(gpu, buffers)
          ask(long, undefined, () => more()).then(resolve, reject)
        }
        running.push(ask(first!, undefined, onId), ask(second!))
      })
      const joined = await join.catch((error: Error) => error)
      const lacked = more()
      assert.equal(await Promise.all(running), alone.slice(0, 2), `no memory after ${buffers} buffers`)
      gpu.check()
      if (!lacked) {
        assert.is(joined, alone[2])
        break
      }
      assert.instance(joined, OutOfMemoryError)
      lacking.add((joined as Error).message.split(':')[0]!)
      assert.match((joined as Error).message, / \d+ bytes were asked for /)
      if (buffers % 10 === 0) assert.is(await ask(long), alone[2])
      decoder.shrink()
    }
    const all = ['room for 4 replies', 'encoding a dialogue', 'a decode step', 'the draws of replies']
    assert.equal([...lacking].sort(), all.sort())
    decoder.dispose()
    assert.is(gpu.allocatedBytes, before)
  })

  test('no memory for the step of fewer replies, when one has ended: the others go on', async (gpu) => {
    const decoder = new ReplyDecoder(gpu, new MiscModel(gpu, await load(gpu)), rules)
    const lengths = [6, 14, 14]
    const starts = lengths.map((length, i) => randomStart(i, { maxLength: length, minLength: length }))
    const alone: string[] = []
    for (const start of starts) alone.push(await scheduler(decoder, 1)(start))
    for (const stepsInFlight of [1, 2]) {
      const ask = scheduler(decoder, stepsInFlight)
      let more = () => false
      const onId = (count: number) => {
        if (count === 3) more = exhaust(gpu)
      }
      assert.equal(await Promise.all(starts.map((it, i) => ask(it, undefined, i === 0 ? onId : undefined))), alone)
      assert.ok(more())
      gpu.check()
      decoder.shrink()
    }
    decoder.dispose()
  })

  test('the memory of many replies is given back, and made again', async (gpu) => {
    const weights = await load(gpu)
    const decoder = new ReplyDecoder(gpu, new MiscModel(gpu, weights), rules)
    const ask = scheduler(decoder, 2)
    const starts = [1, 2, 3, 4, 5].map((seed) => randomStart(seed, { maxLength: 8, minLength: 8 }))
    const alone: string[] = []
    for (const start of starts) alone.push(await ask(start))
    decoder.shrink()
    const bytes = gpu.allocatedBytes
    for (let i = 0; i < 2; i++) {
      assert.equal(await Promise.all(starts.map((it) => ask(it))), alone)
      assert.ok(gpu.allocatedBytes > bytes)
      decoder.shrink()
      assert.ok(gpu.allocatedBytes <= bytes)
    }
    // Not while one is drawn.
    await decoder.start(starts.slice(0, 2))
    const grown = gpu.allocatedBytes
    decoder.shrink()
    assert.is(gpu.allocatedBytes, grown)
    decoder.dispose()
  })

  test('as many replies at once as the caller says, which must fit', async (gpu) => {
    const weights = await load(gpu)
    const few = new ReplyDecoder(gpu, new MiscModel(gpu, weights), rules, 3)
    const starts = [1, 2, 3, 4, 5].map((seed) => randomStart(seed, { maxLength: 8, minLength: 8 }))
    const ask = scheduler(few, 2)
    const alone: string[] = []
    for (const start of starts) alone.push(await ask(start))
    assert.equal(await Promise.all(starts.map((it) => ask(it))), alone)
    few.dispose()

    assert.is(new ReplyDecoder(gpu, new MiscModel(gpu, weights), rules).maxBatch, 16)
    // Keys and values of cross-attention are the most that a slot has in one buffer.
    const { dModel, maxPositions, maxPostBlocks, maxSituationBlocks } = weights.config
    const bytes = 4 * 2 * dModel * (maxPositions + maxPostBlocks + maxSituationBlocks)
    const most = Math.floor(gpu.maxTensorBytes / bytes)
    const fits = new ReplyDecoder(gpu, new MiscModel(gpu, weights), rules, most)
    assert.is(fits.maxBatch, most)
    fits.dispose()
    assert.throws(
      () => new ReplyDecoder(gpu, new MiscModel(gpu, weights), rules, most + 1),
      (error: Error) => error instanceof InputError && error.message.endsWith(`a maxBatch of ${most} or less`),
    )
  })
})
