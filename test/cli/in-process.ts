import { Readable, Writable } from 'node:stream'
import { runProgram } from '../../src/cli/program.js'
import type { Outcome } from './misc-process.js'

/** One at a time: the streams are the process's own. */
let turn: Promise<unknown> = Promise.resolve()

/**
 * Runs `misc ARGS…` to its end in this process, which saves a start of Node, of all code and of the driver. That a process of
 * its own ends, and how it does with signals and closed pipes, is for {@link runMisc} to test.
 */
export function misc(args: readonly string[], input: string | Uint8Array = ''): Promise<Outcome> {
  const outcome = turn.then(() => run(args, input))
  turn = outcome.catch(() => {})
  return outcome
}

async function run(args: readonly string[], input: string | Uint8Array): Promise<Outcome> {
  const [stdout, stderr] = [captured(), captured()]
  const streams = { stdin: Readable.from([Buffer.from(input)]), stdout: stdout.stream, stderr: stderr.stream }
  const own = Object.getOwnPropertyDescriptors(process)
  const { exitCode } = process
  const handlers = process.listeners('SIGINT')
  for (const [name, value] of Object.entries(streams)) {
    Object.defineProperty(process, name, { value, configurable: true, enumerable: true })
  }
  process.exitCode = undefined
  try {
    await runProgram(args, () => false)
    return { stdout: stdout.text(), stderr: stderr.text(), status: Number(process.exitCode ?? 0) }
  } finally {
    process.exitCode = exitCode
    for (const name of ['stdin', 'stdout', 'stderr'] as const) Object.defineProperty(process, name, own[name])
    for (const handler of process.listeners('SIGINT')) if (!handlers.includes(handler)) process.off('SIGINT', handler)
  }
}

/** A stream that keeps what is written to it. */
function captured() {
  const chunks: Buffer[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk)
      done()
    },
  })
  return { stream, text: () => Buffer.concat(chunks).toString() }
}
