import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ReplyDecoder, ReplyStart } from '../../src/engine/reply-decoder.js'
import { type ReplyJob, ReplyScheduler } from '../../src/engine/scheduler.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import { type RowDraw, rowStatus } from '../../src/ops/sampling-rows.js'

/** Draws 1, 2, 3, … for each reply until its `maxLength`; fails where told to. */
class FakeDecoder {
  readonly slots: { left: number; next: number }[] = []
  readonly starts: number[] = []
  failStart = false
  failStep = false
  status: number = rowStatus.running

  async start(replies: readonly ReplyStart[]) {
    await pause()
    if (this.failStart) throw new Error('start failed')
    this.starts.push(replies.length)
    for (const { options } of replies) this.slots.push({ left: options.maxLength, next: 1 })
    return replies.map(() => ({ probs: {}, predicted: 'Others' }))
  }

  async step(): Promise<RowDraw[]> {
    await pause()
    if (this.failStep) throw new Error('step failed')
    return this.slots.map((slot) => {
      const status = this.status || (--slot.left === 0 ? rowStatus.length : rowStatus.running)
      return { id: slot.next++, status }
    })
  }

  async release(slot: number): Promise<void> {
    await pause()
    const last = this.slots.pop()!
    if (slot < this.slots.length) this.slots[slot] = last
  }

  reset(): void {
    this.slots.length = 0
  }
}

const pause = () => new Promise((resolve) => setImmediate(resolve))

function setUp() {
  const decoder = new FakeDecoder()
  const scheduler = new ReplyScheduler({} as Gpu, decoder as unknown as ReplyDecoder)
  /** Resolves to the ids and the reason, or to the error's message. */
  const ask = (maxLength: number, signal?: AbortSignal, onId = (_: number) => {}) => {
    const ids: number[] = []
    return new Promise<string>((resolve) => {
      const drawn = (id: number) => {
        ids.push(id)
        onId(id)
      }
      const finished = (reason: string) => resolve(`${ids} ${reason}`)
      const failed = (error: unknown) => resolve((error as Error).message)
      const job = { options: { maxLength }, signal, encoded: () => {}, drawn, finished, failed }
      scheduler.add(job as unknown as ReplyJob)
    })
  }
  return { decoder, scheduler, ask }
}

const scheduler = suite('engine/scheduler')

scheduler('asked at once, encoded together; they end on their own, and 16 run at most', async () => {
  const { decoder, ask } = setUp()
  const replies = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(1 + (i % 4))))
  assert.equal(replies.slice(0, 5), ['1 length', '1,2 length', '1,2,3 length', '1,2,3,4 length', '1 length'])
  assert.equal([decoder.starts, decoder.slots.length], [[16, 4], 0])
})

scheduler('a reply that cannot start leaves those running alone', async () => {
  const { decoder, ask } = setUp()
  const running = ask(5)
  for (let i = 0; i < 4; i++) await pause()
  decoder.failStart = true
  assert.is(await ask(3), 'start failed')
  decoder.failStart = false
  assert.equal(await Promise.all([running, ask(2)]), ['1,2,3,4,5 length', '1,2 length'])
})

scheduler('after a step that failed, the next replies start afresh', async () => {
  const { decoder, ask } = setUp()
  decoder.failStep = true
  assert.equal(await Promise.all([ask(3), ask(4)]), ['step failed', 'step failed'])
  decoder.failStep = false
  assert.equal(await Promise.all([ask(1), ask(2)]), ['1 length', '1,2 length'])
})

scheduler('logits that are no numbers fail with a hint', async () => {
  const { decoder, ask } = setUp()
  decoder.status = rowStatus.failed
  assert.match(await ask(3), /no numbers: check the checkpoint with misc validate/)
})

scheduler('aborted: while waiting, while encoded, between ids', async () => {
  const { decoder, ask } = setUp()
  const all = Array.from({ length: 16 }, () => ask(40))
  const [waiting, encoding, drawing] = [new AbortController(), new AbortController(), new AbortController()]
  const waited = ask(3, waiting.signal)
  for (let i = 0; i < 6; i++) await pause()
  waiting.abort()
  assert.is(await waited, ' aborted')
  await Promise.all(all)

  const encoded = ask(3, encoding.signal)
  await pause()
  await pause()
  encoding.abort()
  assert.is(await encoded, ' aborted')
  const drawn = ask(9, drawing.signal, (id) => id === 2 && drawing.abort())
  assert.equal(await Promise.all([drawn, ask(4)]), ['1,2 aborted', '1,2,3,4 length'])
  assert.is(decoder.slots.length, 0)
})

scheduler('exclusive work has the encoder to itself, and its failure is its own', async () => {
  const { scheduler, ask } = setUp()
  let inside = false
  const reply = ask(5, undefined, () => assert.not(inside))
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
