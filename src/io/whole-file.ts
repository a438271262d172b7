import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/**
 * Writes a file that is either whole or not there: under a temporary name beside it, renamed at the end. When `write`
 * throws or the process is told to stop, what it wrote is removed; a file that was there before stays as it was.
 */
export async function writeWholeFile(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const partial = `${path}.${randomBytes(4).toString('hex')}.partial`
  const stop = (signal: NodeJS.Signals) => {
    rmSync(partial, { force: true })
    process.kill(process.pid, signal)
  }
  const file = await open(partial, 'wx')
  for (const signal of SIGNALS) process.once(signal, stop)
  try {
    try {
      await write(file)
    } finally {
      await file.close()
    }
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop)
  }
}
