import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { compiledMain } from './compiled-main.js'

/** What a command printed, and how it ended: its exit code, or the signal that ended it. */
export interface Outcome {
  stdout: string
  stderr: string
  status: number | string | null
}

/**
 * Runs `misc …` to its end. `watch` is called after each piece of stdout, with the process and all of stdout so far; it
 * ends the process's stdin when it likes.
 */
export async function runMisc(
  args: string[],
  input: string | Buffer = '',
  watch?: (child: ChildProcess, stdout: string) => void,
): Promise<Outcome> {
  const child = spawn(process.execPath, [compiledMain, ...args], { stdio: 'pipe' })
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
  const [code, signal] = await once(child, 'close')
  // The Vulkan loader's own warnings are not this package's words.
  outcome.stderr = outcome.stderr.replaceAll(/^Warning: .*\n/gm, '')
  outcome.status = code ?? signal
  return outcome
}

/** Does some work piece by piece: a process finds in the driver's cache what the one before it has compiled. */
export async function inTurn<T>(pieces: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = []
  for (const piece of pieces) results.push(await piece())
  return results
}
