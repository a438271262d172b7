/** Many callers of one engine, some of whose wishes are given up: for bench/soak.ts. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { quantile } from 'simple-statistics'
import type { ReplyEngine } from '../engine/reply-engine.js'
import type { Gpu } from '../gpu/gpu.js'
import { randomSource } from '../random-values.js'
import type { DialogueInput } from '../text/dialogue.js'

/** How much is asked. */
export interface CallersOptions {
  /** Each call asks one of them, at random. */
  readonly questions: readonly DialogueInput[]
  readonly callers: number
  /** No more is asked for after so many replies, or so much time. */
  readonly replies: number
  readonly seconds: number
  readonly seed: number
  /** The longest reply. */
  readonly maxNewTokens: number
}

/** What came of it. */
export interface Outcomes {
  /** Replies that came to their end. */
  whole: number
  /** Those that were given up: by their signal, or by leaving their stream. */
  aborted: number
}

/**
 * Asks for replies from many sides at once: drawn, streamed, or searched for with beams; about a third is given up, before it
 * begins, at a random moment, or by leaving its stream.
 *
 * @param outcomes counted up as replies end
 */
export async function call(
  engine: Pick<ReplyEngine, 'reply' | 'stream'>,
  { questions, callers, replies, seconds, seed, maxNewTokens }: CallersOptions,
  outcomes: Outcomes,
): Promise<void> {
  const values = randomSource(seed)
  const below = (end: number) => Math.floor(((values(1)[0]! + 1) / 2) * end)
  const end = performance.now() + 1000 * seconds
  let [asked, typicalMs] = [0, 100]
  const one = async () => {
    const question = questions[below(questions.length)]!
    const options = { seed: asked, maxNewTokens: 1 + below(maxNewTokens) }
    const way = below(12)
    if (way < 2) {
      const stream = engine.stream(question, options)
      const pieces = way === 0 ? Number.POSITIVE_INFINITY : below(4)
      let [taken, whole] = [0, true]
      for await (const _ of stream) {
        if (++taken <= pieces) continue
        whole = false
        break
      }
      outcomes[whole ? 'whole' : 'aborted']++
      return
    }
    const stop = new AbortController()
    const timer = way < 6 ? setTimeout(() => stop.abort(), below(2 * typicalMs)) : undefined
    if (way === 6) stop.abort()
    const beams = way % 4 === 3 && { numBeams: 2, doSample: false }
    const started = performance.now()
    const { finishReason } = await engine.reply(question, { ...options, ...beams, signal: stop.signal })
    clearTimeout(timer)
    if (finishReason === 'aborted') outcomes.aborted++
    else {
      outcomes.whole++
      typicalMs = (9 * typicalMs + performance.now() - started) / 10
    }
  }
  const caller = async () => {
    while (asked < replies && performance.now() < end) {
      asked++
      await one()
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What is in use at a moment, in bytes, after garbage was collected. */
export interface Use {
  /** Of the whole process: where a software adapter computes, the GPU's too. */
  readonly rss: number
  /** JavaScript's values. */
  readonly heap: number
  /** Memory that these hold beside the heap. */
  readonly external: number
  /** Tensors on the GPU. */
  readonly gpu: number
}

export function useNow({ allocatedBytes: gpu }: Pick<Gpu, 'allocatedBytes'>): Use {
  collect()
  const { rss, heapUsed: heap, external } = process.memoryUsage()
  return { rss, heap, external, gpu }
}

/** What is in use, and when. */
export interface Sample extends Use {
  readonly replies: number
}

/**
 * Bytes that half of the replies may add to each figure, of a process that leaks nothing: V8 compiles and the allocator keeps pages
 * long after the start, and the room of beams is made anew whenever more are searched for. Of 10,000 replies a leak shows from
 * 0.8 KiB of values, and 6.4 KiB of the process or the GPU, a reply.
 */
export const mostGrowth: Readonly<Record<keyof Use, number>> = {
  rss: 32 * 2 ** 20,
  heap: 4 * 2 ** 20,
  external: 4 * 2 ** 20,
  gpu: 32 * 2 ** 20,
}

/** How a figure went, in bytes. */
export interface Growth {
  readonly start: number
  readonly end: number
  /** By more than {@link mostGrowth}. */
  readonly grows: boolean
}

/**
 * What a figure fell back to in the second quarter of the replies, and in the last: the least tenth of its samples there. Memory
 * that is held for the work of a moment, or waits to be collected, lies above that, and a leak lifts it; in the first quarter
 * memory is made and caches fill.
 *
 * @throws Error where a quarter has no sample
 */
export function growthOf(samples: readonly Sample[], figure: keyof Use): Growth {
  const total = samples.at(-1)?.replies ?? 0
  const floor = (quarter: number) => {
    const within = samples.filter(({ replies }) => Math.min(3, Math.floor((4 * replies) / total)) === quarter)
    return quantile(
      within.map((it) => it[figure]),
      0.1,
    )
  }
  const [start, end] = [floor(1), floor(3)]
  return { start, end, grows: end - start > mostGrowth[figure] }
}
