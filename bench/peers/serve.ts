import { createInterface } from 'node:readline'

/** Some work, prepared and warmed up: does it once and resolves with the milliseconds it took. */
export type Task = () => Promise<number>

/** A run longer than this, in milliseconds, needs none before it to warm up. */
const long = 20_000

/** The task after some runs that do not count; a long one counts, and is given out when the task is first done. */
export async function warmedUp(task: Task, runs: number): Promise<Task> {
  for (let i = 0; i < runs; i++) {
    const ms = await task()
    if (ms < long) continue
    let kept: number | undefined = ms
    return () => {
      const first = kept
      kept = undefined
      return first === undefined ? task() : Promise.resolve(first)
    }
  }
  return task
}

/** What a worker is asked: do the task so often, or say something. */
export type Request = TimesRequest | { readonly say: string }
interface TimesRequest {
  readonly task: string
  readonly times: number
}

/** What it answers, on a line of its own that begins with {@link answerMark}. */
export type Answer = { readonly ms: readonly number[] } | { readonly said: unknown } | { readonly error: string }

/** Drivers and libraries print lines of their own. */
export const answerMark = '@answer '

/**
 * Answers requests from standard input until it ends. A task is prepared when it is first asked for.
 *
 * @param say what can be said of the work, to see whether peers do the same
 */
export async function serve(
  prepare: Readonly<Record<string, () => Promise<Task>>>,
  say: Readonly<Record<string, () => Promise<unknown>>> = {},
): Promise<void> {
  const prepared = new Map<string, Task>()
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as Request
    let answer: Answer
    try {
      answer = 'say' in request ? { said: await say[request.say]!() } : { ms: await times(request) }
    } catch (error) {
      answer = { error: String((error as Error)?.message ?? error) }
    }
    process.stdout.write(`${answerMark}${JSON.stringify(answer)}\n`)
  }
  // Some peers keep the process alive.
  process.exit(0)

  async function times({ task, times }: TimesRequest): Promise<number[]> {
    const work = prepared.get(task) ?? (await prepare[task]!())
    prepared.set(task, work)
    const ms: number[] = []
    for (let i = 0; i < times; i++) ms.push(await work())
    return ms
  }
}
