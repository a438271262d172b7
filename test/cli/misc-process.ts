import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
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
 * ends the process's stdin when it likes. A hanging one is killed after two minutes; stderr then ends with what its threads
 * waited for.
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
  const timer = setTimeout(() => {
    hung = threadsOf(child.pid!)
    child.kill('SIGKILL')
  }, 120_000)
  const [code, signal] = await once(child, 'close')
  clearTimeout(timer)
  // The Vulkan loader's own warnings are not this package's words.
  outcome.stderr = outcome.stderr.replaceAll(/^Warning: .*\n/gm, '') + hung
  outcome.status = code ?? signal
  return outcome
}

/** Of each thread: its name, whether it runs, and where in the kernel it waits. */
function threadsOf(pid: number): string {
  const folder = `/proc/${pid}/task`
  if (!existsSync(folder)) return ''
  const lines = readdirSync(folder).map((thread) => {
    const read = (file: string) => readFileSync(join(folder, thread, file), 'utf8').trim()
    return `${thread} ${read('comm')}: ${/^State:\s+(.*)$/m.exec(read('status'))?.[1]}, ${read('wchan')}`
  })
  return `hung; its threads:\n${lines.join('\n')}\n`
}

/** Does some work piece by piece: a process finds in the driver's cache what the one before it has compiled. */
export async function inTurn<T>(pieces: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = []
  for (const piece of pieces) results.push(await piece())
  return results
}
