import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { type Answer, answerMark, type Request } from './serve.js'

/** A process that does timed work when it is asked to, and nothing in between. */
export class Worker {
  readonly #process: ChildProcessWithoutNullStreams
  #answered: ((answer: Answer) => void) | undefined
  #words = ''

  constructor(
    readonly name: string,
    command: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ) {
    const [program, ...args] = command
    this.#process = spawn(program!, args, { env: { ...process.env, ...environment } })
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      if (line.startsWith(answerMark)) this.#answered?.(JSON.parse(line.slice(answerMark.length)) as Answer)
    })
    this.#process.stderr.on('data', (data) => {
      this.#words = `${this.#words}${data}`.slice(-2000)
    })
    const ended = (why: string) => this.#answered?.({ error: `${why}\n${this.#words}` })
    this.#process.on('error', (error) => ended(String(error)))
    this.#process.on('exit', (code, signal) => ended(`the process ended with ${code ?? signal}`))
    // A process that has ended says why when it is next asked.
    this.#process.stdin.on('error', () => {})
  }

  /** The milliseconds of each time. @throws Error with what the worker says of its failure. */
  async ask(task: string, times: number): Promise<readonly number[]> {
    return (await this.#answer({ task, times }, task)).ms
  }

  /** What it says of its work. @throws Error as {@link ask} */
  async say(what: string): Promise<unknown> {
    return (await this.#answer({ say: what }, what)).said
  }

  stop(): void {
    this.#process.kill()
  }

  async #answer(request: Request, what: string): Promise<{ readonly ms: readonly number[]; readonly said: unknown }> {
    const answer = await new Promise<Answer>((resolve) => {
      this.#answered = resolve
      if (this.#process.exitCode !== null) resolve({ error: `the process has ended\n${this.#words}` })
      this.#process.stdin.write(`${JSON.stringify(request)}\n`)
    })
    this.#answered = undefined
    if ('error' in answer) throw new Error(`${this.name}, ${what}: ${answer.error}`)
    return { ms: [], said: undefined, ...answer }
  }
}
