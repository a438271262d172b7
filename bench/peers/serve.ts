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

/** What a worker is asked: do the task so often. */
export interface Request {
  readonly task: string
  readonly times: number
}

/** What it answers, on a line of its own that begins with {@link answerMark}. */
export type Answer = { readonly ms: readonly number[] } | { readonly error: string }

/** Drivers and libraries print lines of their own. */
export const answerMark = '@answer '

/** Answers requests from standard input until it ends. A task is prepared when it is first asked for. */
export async function serve(prepare: Readonly<Record<string, () => Promise<Task>>>): Promise<void> {
  const prepared = new Map<string, Task>()
  for await (const line of createInterface({ input: process.stdin })) {
    const { task, times } = JSON.parse(line) as Request
    let answer: Answer
    try {
      const work = prepared.get(task) ?? (await prepare[task]!())
      prepared.set(task, work)
      const ms: number[] = []
      for (let i = 0; i < times; i++) ms.push(await work())
      answer = { ms }
    } catch (error) {
      answer = { error: String((error as Error)?.message ?? error) }
    }
    process.stdout.write(`${answerMark}${JSON.stringify(answer)}\n`)
  }
  // Some peers keep the process alive.
  process.exit(0)
}
