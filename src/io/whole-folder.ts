import { randomBytes } from 'node:crypto'
import { rmdirSync, rmSync } from 'node:fs'
import { mkdir, readdir, realpath, rename, rmdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { onExit } from 'signal-exit'
import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { readFault } from './text-file.js'

/**
 * Makes a folder that is either whole or not there: under a temporary name beside it, renamed at the end. When `write`
 * throws or the process is told to end, what it wrote is removed.
 *
 * @param path the folder; it is missing or empty, see {@link checkEmptyFolder}; folders above it are made
 * @param write fills the folder that it is given
 * @throws InputError where the system does not let it be made, or something is in it already
 */
export async function writeWholeFolder(path: string, write: (folder: string) => Promise<void>): Promise<void> {
  await checkEmptyFolder(path)
  // A link to an empty folder stays one.
  const target = await realpath(path).catch(() => resolve(path))
  const temporary = `${target}.${randomBytes(5).toString('hex')}`
  let above: string | undefined
  const clear = () => {
    rmSync(temporary, { force: true, recursive: true })
    if (above !== undefined) removeEmpty(dirname(target), above)
  }
  const forget = onExit(clear)
  try {
    above = await made(path, () => mkdir(dirname(target), { recursive: true }))
    await made(path, () => mkdir(temporary))
    await write(temporary)
    // An empty folder makes room; one that has been filled since does not.
    await made(path, () => rmdir(target).catch(unlessMissing))
    await made(path, () => rename(temporary, target))
    above = undefined
  } finally {
    clear()
    forget()
  }
}

/** Removes a folder and those above it up to one, as far as nothing is in them. */
function removeEmpty(from: string, to: string): void {
  try {
    for (let folder = from; folder.startsWith(to); folder = dirname(folder)) rmdirSync(folder)
  } catch {
    // Something else is in it by now.
  }
}

/** @throws InputError unless a path is free, or an empty folder's */
export async function checkEmptyFolder(path: string): Promise<void> {
  if (path === '') throw new InputError('the folder to write has no name; give one')
  const entries = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new InputError(`${path}: ${error.code === 'ENOTDIR' ? 'is no folder; choose another' : readFault(error)}`)
  })
  if (entries.length === 0) return
  throw new InputError(`${path}: holds ${quote(entries[0])} already; choose another folder, or empty it`)
}

async function made<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new InputError(`${path}: cannot be made (${(error as Error).message}); choose another folder`)
  }
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
