import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { EncodingInFlight } from '../../src/engine/input-reader.js'
import type { ReplyDecoder, ReplyStart } from '../../src/engine/reply-decoder.js'
import type { StepInFlight } from '../../src/engine/reply-slots.js'
import { maxEncodedIds, type ReplyJob, ReplyScheduler } from '../../src/engine/scheduler.js'
import { QueueFullError } from '../../src/errors.js'
import { type RowDraw, rowStatus } from '../../src/ops/sampling-rows.js'
import { seededRandom } from '../gpu.js'

/** Replies that {@link FakeDecoder} draws together. */
const maxBatch = 16

const pause = () => new Promise((resolve) => setImmediate(resolve))

/** A reply of the fake decoder: it draws 1, 2, 3, … and may draw EOS after some of them. */
interface Ask {
  readonly maxLength: number
  /** Ids before EOS. */
  readonly stopAfter?: number
  /** Ids before its logits are not finite. */
  readonly failAfter?: number
  /** Ids of the context. */
  readonly context?: number
}

/** Does at once what a GPU does in the order of submission, and lets results be read some turns later. */
class FakeDecoder {
  readonly maxBatch = maxBatch
  shrinks = 0
  readonly gpu = { platform: { rest: pause } }
  readonly model = { size: ({ context }: { context: readonly number[] }) => context.length }
  readonly slots: { ask: Ask; draw: RowDraw }[] = []
  /** `start of 3`, `step of 2`, in the order of submission. */
  readonly submitted: string[] = []
  /** What was started, in that order. */
  readonly started: Ask[] = []
  /** Of every start, the ids that it encoded. */
  readonly encoded: number[] = []
  failStart = false
  failStep = false

  async start(replies: readonly ReplyStart<{ context: readonly number[] }>[]): Promise<EncodingInFlight<unknown>> {
    await pause()
    if (this.failStart) throw new Error('start failed')
    this.submitted.push(`start of ${replies.length}`)
    this.encoded.push(replies.reduce((sum, { input }) => sum + input.context.length, 0))
    for (const reply of replies) {
      const ask = reply.options as unknown as Ask
      this.started.push(ask)
      this.slots.push({ ask, draw: { id: 0, status: rowStatus.running } })
    }
    return { told: this.#later(replies.map(() => undefined)) }
  }

  async submitStep(): Promise<StepInFlight> {
    await pause()
    if (this.failStep) throw new Error('step failed')
    this.submitted.push(`step of ${this.slots.length}`)
    for (const slot of this.slots) slot.draw = this.#draw(slot)
    return { draws: this.#later(this.slots.map(({ draw }) => draw)) }
  }

  async release(slot: number): Promise<void> {
    await pause()
    const last = this.slots.pop()!
    if (slot < this.slots.length) this.slots[slot] = last
  }

  reset(): void {
    this.slots.length = 0
  }

  shrink(): void {
    assert.is(this.slots.length, 0)
    this.shrinks++
  }

  #draw({ ask: { maxLength, stopAfter, failAfter }, draw }: { ask: Ask; draw: RowDraw }): RowDraw {
    if (draw.status !== rowStatus.running) return draw
    const id = draw.id + 1
    if (id > (failAfter ?? Number.POSITIVE_INFINITY)) return { id: draw.id, status: rowStatus.failed }
    if (id > (stopAfter ?? Number.POSITIVE_INFINITY)) return { id: -1, status: rowStatus.stop }
    return { id, status: id + 1 >= maxLength ? rowStatus.length : rowStatus.running }
  }

  async #later<T>(value: T): Promise<T> {
    for (let i = 0; i < 3; i++) await pause()
    return value
  }
}

function setUp({ stepsInFlight = 1, maxQueue = 100, idleMs = 30_000 } = {}) {
  const decoder = new FakeDecoder()
  const scheduler = new ReplyScheduler(decoder as unknown as ReplyDecoder, { stepsInFlight, maxQueue, idleMs })
  /** Resolves to the ids and the reason, or to the error's message. */
  const ask = (what: Ask | number, signal?: AbortSignal, onId = (_: number) => {}) => {
    const options = typeof what === 'number' ? { maxLength: what } : what
    const ids: number[] = []
    let encoded = false
    return new Promise<string>((resolve, reject) => {
      scheduler.add({
        input: { context: Array(options.context ?? 1).fill(7) },
        options,
        signal,
        encoded: () => {
          encoded = true
        },
        drawn: (id: number) => {
          if (!encoded) reject(new Error('an id before the mixture'))
          ids.push(id)
          onId(id)
        },
        finished: (reason: string) => resolve(`${ids} ${reason}`),
        failed: (error: unknown) => resolve((error as Error).message),
      } as unknown as ReplyJob)
    })
  }
  /** When all that was asked for has ended, nothing is held. */
  const settled = async () => {
    for (let i = 0; i < 50; i++) await pause()
    assert.is(decoder.slots.length, 0)
  }
  return { decoder, scheduler, ask, settled }
}

/** What {@link FakeDecoder} draws for it. */
function expected({ maxLength, stopAfter = Number.POSITIVE_INFINITY }: Ask): string {
  const longest = maxLength - 1
  const ids = Array.from({ length: Math.min(longest, stopAfter) }, (_, i) => i + 1)
  return `${ids} ${stopAfter < longest ? 'stop' : 'length'}`
}

const scheduler = suite('engine/scheduler')

for (const stepsInFlight of [1, 2, 4]) {
  const depth = `${stepsInFlight} in flight`

  scheduler(`asked at once, encoded together; they end on their own, and 16 run at most, ${depth}`, async () => {
    const { decoder, ask, settled } = setUp({ stepsInFlight })
    const replies = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(2 + (i % 4))))
    assert.equal(replies.slice(0, 5), ['1 length', '1,2 length', '1,2,3 length', '1,2,3,4 length', '1 length'])
    assert.equal(decoder.submitted.slice(0, 4), ['start of 16', 'step of 16', 'start of 4', 'step of 16'])
    await settled()
  })

  scheduler(`a reply takes no step beyond its longest, and few beyond its end, ${depth}`, async () => {
    const { decoder, ask, settled } = setUp({ stepsInFlight })
    assert.is(await ask(6), '1,2,3,4,5 length')
    await settled()
    assert.is(decoder.submitted.length, 1 + 5)
    assert.is(await ask({ maxLength: 50, stopAfter: 4 }), '1,2,3,4 stop')
    await settled()
    assert.is(decoder.submitted.length, 1 + 5 + 1 + 5 + (stepsInFlight - 1))
  })

  scheduler(`each is what it is alone, whatever else comes and goes, ${depth}`, async () => {
    const { decoder, ask, settled } = setUp({ stepsInFlight, maxQueue: 1000 })
    const random = seededRandom(stepsInFlight)
    const upTo = (n: number) => Math.floor(random() * n)
    const replies: Promise<void>[] = []
    const asked: Ask[] = []
    for (let i = 0; i < 200; i++) {
      const what = { maxLength: 2 + upTo(12), ...(random() < 0.5 && { stopAfter: upTo(8) }), context: 1 + upTo(600) }
      const stopAt = random() < 0.2 ? upTo(5) : -1
      const stop = new AbortController()
      if (stopAt === 0) stop.abort()
      else asked.push(what)
      const reply = ask(what, stop.signal, (id) => {
        if (id === stopAt) stop.abort()
      })
      replies.push(
        reply.then((told) => {
          const whole = expected(what)
          if (!told.endsWith('aborted')) return assert.is(told, whole)
          const count = Math.min(stopAt, whole.split(',').length)
          const ids = Array.from({ length: count }, (_, i) => i + 1)
          assert.is(told, `${ids} aborted`)
        }),
      )
      for (let j = upTo(8); j > 0; j--) await pause()
    }
    await Promise.all(replies)
    assert.equal(decoder.started, asked, 'first come, first served')
    await settled()
  })
}

scheduler('a stream of short replies does not keep a long one waiting', async () => {
  const { ask } = setUp({ stepsInFlight: 2 })
  let ended = 0
  let waited = Number.NaN
  const short = (): Promise<unknown> => ask(3).then(() => (++ended < 200 ? short() : undefined))
  const stream = Array.from({ length: 2 * maxBatch }, short)
  await pause()
  const long = ask(30, undefined, (id) => {
    if (id === 1) waited = ended
  })
  await long
  assert.ok(waited <= 2 * maxBatch, `${waited} that were asked for later ended before it began`)
  await Promise.all(stream)
})

scheduler('few ids are encoded between two steps while replies are drawn', async () => {
  const { decoder, ask } = setUp({ stepsInFlight: 2 })
  const running = ask(40)
  for (let i = 0; i < 10; i++) await pause()
  const all = [300, 300, 300, 300, 2 * maxEncodedIds, 5, maxEncodedIds, 5].map((context) =>
    ask({ maxLength: 20, context }),
  )
  await Promise.all([running, ...all])
  assert.equal(decoder.encoded, [1, 900, 300, 2 * maxEncodedIds, 5, maxEncodedIds, 5])
  decoder.submitted.forEach((it, i) => {
    if (it.startsWith('start')) assert.match(decoder.submitted[i + 1]!, 'step')
  })
})

scheduler('a full queue refuses, and takes more as soon as there is room', async () => {
  const { ask, settled } = setUp({ maxQueue: 2 })
  const asked = Array.from({ length: maxBatch + 2 }, () => ask(3))
  const error = await ask(3).catch((it) => it)
  assert.instance(error, QueueFullError)
  assert.match(error.message, /^0 replies are being drawn and 18 wait, with maxQueue 2: ask again when/)
  await asked[0]
  asked.push(ask(3))
  for (const reply of await Promise.all(asked)) assert.is(reply, '1,2 length')
  await settled()
})

scheduler('memory is given back a while after the last reply, and not while one is drawn or starts', async () => {
  const { decoder, ask, settled } = setUp({ idleMs: 20 })
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  // Never so long without one.
  const until = performance.now() + 60
  while (performance.now() < until) await ask(3)
  assert.is(decoder.shrinks, 0)
  await wait(60)
  assert.is(decoder.shrinks, 1)
  // Once: nothing has grown since.
  await wait(60)
  assert.is(decoder.shrinks, 1)
  // Asked for in the very turn in which the time is over.
  for (let ms = 19; ms < 23; ms++) {
    assert.is(await ask(4), '1,2,3 length')
    await wait(ms)
  }
  await settled()
})

scheduler('a reply that cannot start leaves those running alone', async () => {
  const { decoder, ask, settled } = setUp({ stepsInFlight: 2 })
  const running = ask(6)
  for (let i = 0; i < 4; i++) await pause()
  decoder.failStart = true
  assert.is(await ask(3), 'start failed')
  decoder.failStart = false
  assert.equal(await Promise.all([running, ask(3)]), ['1,2,3,4,5 length', '1,2 length'])
  await settled()
})

scheduler('after a step that failed, the next replies start afresh', async () => {
  const { decoder, ask, settled } = setUp({ stepsInFlight: 3 })
  const running = [ask(30), ask(2)]
  for (let i = 0; i < 6; i++) await pause()
  decoder.failStep = true
  assert.equal(await Promise.all([...running, ask(4)]), ['step failed', '1 length', 'step failed'])
  decoder.failStep = false
  assert.equal(await Promise.all([ask(2), ask(3)]), ['1 length', '1,2 length'])
  await settled()
})

scheduler('logits that are not finite fail their own reply, with a hint', async () => {
  const { ask, settled } = setUp({ stepsInFlight: 2 })
  const replies = await Promise.all([
    ask(6),
    ask({ maxLength: 9, failAfter: 2 }),
    ask(4),
    ask({ maxLength: 9, failAfter: 0 }),
  ])
  const hint =
    'the logits of a reply are not finite, or leave no id that may be drawn: check the checkpoint with misc validate'
  assert.equal(replies, ['1,2,3,4,5 length', hint, '1,2,3 length', hint])
  await settled()
})

for (const stepsInFlight of [1, 3]) {
  scheduler(`a callback that throws fails its own reply, ${stepsInFlight} in flight`, async () => {
    const { scheduler, ask, settled } = setUp({ stepsInFlight })
    const fault = new Error('mine')
    const stop = new AbortController()
    const faulty = (at: string, more: object = {}) =>
      new Promise<string>((resolve) => {
        const told = (what: string) => () => {
          if (what === at) throw fault
          if (what === 'finished') resolve('finished')
        }
        scheduler.add({
          input: { context: [7] },
          options: { maxLength: 5 },
          history: [1],
          ...more,
          ...{ encoded: told('encoded'), drawn: told('drawn'), finished: told('finished') },
          failed: (error: unknown) => resolve(error === fault ? at : String(error)),
        } as unknown as ReplyJob)
      })
    const undrawn = { options: { maxLength: 5, stopAfter: 2 } }
    const aborted = { signal: stop.signal }
    const sound = [ask(7), ask({ maxLength: 9, stopAfter: 3 })]
    const failing = ['encoded', 'drawn', 'finished'].flatMap((at) => [faulty(at), faulty(at, undrawn)])
    const waiting = Array.from({ length: maxBatch }, () => ask(3))
    failing.push(faulty('finished', aborted))
    stop.abort()
    const none = await faulty('none')
    assert.is(none, 'finished')
    const at = ['encoded', 'encoded', 'drawn', 'drawn', 'finished', 'finished', 'finished']
    assert.equal(await Promise.all(failing), at)
    assert.equal(await Promise.all(sound), ['1,2,3,4,5,6 length', '1,2,3 stop'])
    for (const reply of await Promise.all(waiting)) assert.is(reply, '1,2 length')
    await settled()
    assert.is(await ask(3), '1,2 length')
  })
}

scheduler('aborted: while waiting, while encoded, between ids, with its last steps in flight', async () => {
  const { ask, settled } = setUp({ stepsInFlight: 4 })
  const all = Array.from({ length: 16 }, () => ask(40))
  const [waiting, encoding, drawing, last] = Array.from({ length: 4 }, () => new AbortController())
  const waited = ask(3, waiting!.signal)
  for (let i = 0; i < 6; i++) await pause()
  waiting!.abort()
  assert.is(await waited, ' aborted')
  await Promise.all(all)

  const encoded = ask(3, encoding!.signal)
  await pause()
  await pause()
  encoding!.abort()
  assert.is(await encoded, ' aborted')
  const drawn = ask(9, drawing!.signal, (id) => id === 2 && drawing!.abort())
  const ending = ask(4, last!.signal, (id) => id === 1 && last!.abort())
  assert.equal(await Promise.all([drawn, ask(5), ending]), ['1,2 aborted', '1,2,3,4 length', '1 aborted'])
  await settled()
})

scheduler('exclusive work has the encoder to itself, and its failure is its own', async () => {
  const { scheduler, ask } = setUp()
  let inside = false
  const reply = ask(6, undefined, () => assert.not(inside))
  const work = scheduler.exclusive(async () => {
    inside = true
    for (let i = 0; i < 5; i++) await pause()
    inside = false
    throw new Error('mine')
  })
  assert.is(await work.catch((error) => error.message), 'mine')
  assert.is(await reply, '1,2,3,4,5 length')
})

scheduler.run()
