import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { compiledMain } from './compiled-main.js'

/** What a command printed, and how it ended: its exit code, or the signal that ended it. */
export interface Outcome {
  stdout: string
  stderr: string
  status: number | string | null
}

/**
 * Runs `misc …` to its end. `watch` is called after each piece of stdout, with the process and all of stdout so far; it
 * ends the process's stdin when it likes. A hanging one is killed after two minutes in which it had the processors that it asked
 * for: on a busy machine the two seconds of a start take longer. stderr then ends with what its threads waited for.
 */
export async function runMisc(
  args: string[],
  input: string | Buffer = '',
  watch?: (child: ChildProcess, stdout: string) => void,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Outcome> {
  const child = spawn(process.execPath, [compiledMain, ...args], { stdio: 'pipe', env })
  const outcome: Outcome = { stdout: '', stderr: '', status: null }
  child.stdout!.on('data', (chunk) => {
    outcome.stdout += chunk
    watch?.(child, outcome.stdout)
  })
  child.stderr!.on('data', (chunk) => {
    outcome.stderr += chunk
  })
  // A process that refuses its flags may end before it has read its input.
  child.stdin!.on('error', () => {})
  if (watch) child.stdin!.write(input)
  else child.stdin!.end(input)
  let hung = ''
  const started = performance.now()
  const timer = setInterval(() => {
    if (performance.now() - started - starvedMs(child.pid!) < longestMs) return
    clearInterval(timer)
    hung = threadsOf(child.pid!)
    child.kill('SIGKILL')
  }, 1000)
  const [code, signal] = await once(child, 'close')
  clearInterval(timer)
  // The Vulkan loader's own warnings are not this package's words.
  outcome.stderr = outcome.stderr.replaceAll(/^Warning: .*\n/gm, '') + hung
  outcome.status = code ?? signal
  return outcome
}

const longestMs = 120_000

/** Calls something for each thread of a process; of none where the system does not tell. */
function ofThreads<T>(pid: number, tell: (thread: string, read: (file: string) => string) => T): T[] {
  const folder = `/proc/${pid}/task`
  try {
    const read = (thread: string) => (file: string) => readFileSync(join(folder, thread, file), 'utf8').trim()
    return readdirSync(folder).map((thread) => tell(thread, read(thread)))
  } catch {
    // It has ended.
    return []
  }
}

/** [milliseconds that a thread ran, milliseconds that it could have and waited for a processor] */
const scheduled = (read: (file: string) => string): [number, number] => {
  const [ran, waited] = read('schedstat').split(' ')
  return [Number(ran) / 1e6, Number(waited) / 1e6]
}

/** For how long the thread that had to wait longest for a processor waited. */
const starvedMs = (pid: number): number => Math.max(0, ...ofThreads(pid, (_, read) => scheduled(read)[1]))

/** Of each thread: its name, whether it runs, where in the kernel it waits, and its time; where gdb is there also its calls. */
function threadsOf(pid: number): string {
  const lines = ofThreads(pid, (thread, read) => {
    const [ran, waited] = scheduled(read).map((it) => (it / 1000).toFixed(1))
    const state = /^State:\s+(.*)$/m.exec(read('status'))?.[1]
    return `${thread} ${read('comm')}: ${state}, ${read('wchan')}; ran ${ran} s, waited ${waited} s for a processor`
  })
  const gdb = ['-p', String(pid), '-batch', '-ex', 'thread apply all backtrace']
  const { stdout } = spawnSync('gdb', gdb, { encoding: 'utf8', timeout: 60_000 })
  return `hung, at a load of ${loadavg()[0]}; its threads:\n${lines.join('\n')}\n${stdout ?? ''}`
}

/** Does some work piece by piece: a process finds in the driver's cache what the one before it has compiled. */
export async function inTurn<T>(pieces: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = []
  for (const piece of pieces) results.push(await piece())
  return results
}
