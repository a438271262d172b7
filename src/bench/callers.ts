/** Many callers of one engine, some of whose wishes are given up: for bench/soak.ts. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { linearRegression, linearRegressionLine, quantile } from 'simple-statistics'
import type { ReplyEngine } from '../engine/reply-engine.js'
import type { Gpu } from '../gpu/gpu.js'
import { randomSource } from '../random-values.js'

/** How much is asked. */
export interface CallersOptions {
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

/** Different dialogues: so few that whatever is kept of them soon is. */
const dialogues = 48
const words = 'i feel so alone since my job is gone and nobody calls me what should do about it all'.split(' ')

/**
 * Asks for replies from many sides at once: drawn, streamed, or searched for with beams; about a third is given up, before it
 * begins, at a random moment, or by leaving its stream.
 *
 * @param outcomes counted up as replies end
 */
export async function call(
  engine: Pick<ReplyEngine, 'reply' | 'stream'>,
  { callers, replies, seconds, seed, maxNewTokens }: CallersOptions,
  outcomes: Outcomes,
): Promise<void> {
  const values = randomSource(seed)
  const below = (end: number) => Math.floor(((values(1)[0]! + 1) / 2) * end)
  const end = performance.now() + 1000 * seconds
  let [asked, typicalMs] = [0, 100]
  const one = async () => {
    const question = dialogue(below(dialogues))
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

/** Dialogue n: the same words every time, in another order and number. */
function dialogue(n: number) {
  const text = Array.from({ length: 3 + (n % 20) }, (_, i) => words[(n * 7 + i * (1 + (n % 5))) % words.length])
  const said = [{ speaker: 'seeker' as const, text: text.join(' ') }]
  const earlier = { speaker: 'supporter' as const, text: 'what happened ?' }
  return { dialogue: n % 3 === 0 ? said : [...said, earlier, ...said], situation: `i feel ${words[n % words.length]}` }
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

/** How a figure went, by the least squares line through its samples. */
export interface Growth {
  readonly start: number
  readonly end: number
  /** Of samples: half of them lie within. */
  readonly quartiles: readonly [number, number]
}

/** @param samples [replies so far, value] */
export function growthOf(samples: readonly (readonly [number, number])[]): Growth {
  const line = linearRegressionLine(linearRegression(samples.map((it) => [...it])))
  const values = samples.map(([, value]) => value)
  return {
    start: line(samples[0]![0]),
    end: line(samples.at(-1)![0]),
    quartiles: [quantile(values, 0.25), quantile(values, 0.75)],
  }
}
