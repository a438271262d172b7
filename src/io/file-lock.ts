import { closeSync, openSync, readdirSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { onExit } from 'signal-exit'
import { InputError } from '../errors.js'

/** How often one that meets another asks again: of several that begin at once, all may meet. */
const tries = 5
/** Milliseconds until then, at most: at random, so that they come apart. */
const longestPauseMs = 40

/** Claims of this process, each with what forgets that it goes when the process ends. */
const own = new Map<string, () => void>()

/**
 * Keeps a file for one process. Each that asks lays its claim beside the file, `FILE.PID@HOST.lock`, and has it where it sees no
 * other's. A claim whose process has ended counts for nothing and is taken away, so a killed holder leaves none to clear up. No
 * claim is ever taken over, so no two can hold one at a time.
 */
export class FileLock implements Disposable {
  private constructor(readonly claim: string) {}

  /** @throws InputError where another process has it, or no claim can be laid */
  static async take(path: string): Promise<FileLock> {
    const claim = `${path}.${process.pid}@${hostname()}.lock`
    for (let left = tries; ; left--) {
      if (own.has(claim)) throw inUse(path, claim)
      own.set(
        claim,
        onExit(() => rmSync(claim, { force: true })),
      )
      try {
        // What lies there already is of a process that had this number.
        closeSync(openSync(claim, 'w'))
        const other = otherClaim(path, claim)
        if (other === undefined) return new FileLock(claim)
        if (left === 1) throw inUse(path, other)
      } catch (error) {
        release(claim)
        if (error instanceof InputError) throw error
        throw new InputError(`${claim}: cannot be written (${(error as Error).message}); choose another folder`)
      }
      release(claim)
      await new Promise((resolve) => setTimeout(resolve, Math.random() * longestPauseMs))
    }
  }

  [Symbol.dispose](): void {
    release(this.claim)
  }
}

function release(claim: string): void {
  rmSync(claim, { force: true })
  own.get(claim)?.()
  own.delete(claim)
}

/** A claim to the same file whose process may live; those of dead ones are taken away. */
function otherClaim(path: string, claim: string): string | undefined {
  const folder = dirname(path)
  for (const name of readdirSync(folder)) {
    const found = join(folder, name)
    if (!name.startsWith(`${basename(path)}.`) || basename(claim) === name) continue
    const [, pid, host] = /^\.(\d{1,10})@(.+)\.lock$/.exec(name.slice(basename(path).length)) ?? []
    if (pid === undefined) continue
    // Of another machine's processes nothing is known.
    if (host !== hostname() || lives(Number(pid))) return found
    rmSync(found, { force: true })
  }
  return undefined
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function inUse(path: string, claim: string): InputError {
  const [, process] = /\.(\d+@.+)\.lock$/.exec(claim)!
  return new InputError(
    `${path}: process ${process} is writing it: wait until it has ended, or give another folder; ` +
      `if that is no process of misc-webgpu, take ${claim} away`,
  )
}
