import { readlinkSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { InputError } from '../errors.js'
import { isLfsPointer, lfsFault } from './lfs-pointer.js'
import { decodeUtf8 } from './utf8.js'

/** The most bytes of a text file that is read whole, where the caller names no limit. */
const defaultLimit = 2 ** 26

const replaceIt = 'correct or replace the file'

/**
 * The text of a UTF-8 file that is small enough to be held in memory.
 *
 * @param advice what to do about a file that is missing or not as it should be
 * @throws InputError that names the file: missing, not a file, unreadable, over `limit` bytes, a Git LFS pointer, or not
 *   UTF-8
 */
export async function readTextFile(path: string, limit = defaultLimit, advice?: string): Promise<string> {
  const fail = (...words: (string | undefined)[]): never => {
    throw new InputError(`${path}: ${words.filter(Boolean).join('; ')}`)
  }
  const info = await stat(path).catch((error) => fail(readFault(error), advice))
  if (info.isDirectory()) fail('is a folder, not a file', advice)
  if (!info.isFile() && !info.isFIFO()) fail('not a regular file', advice)
  if (info.size > limit) fail(`${info.size} bytes, more than the limit of ${limit}`, advice ?? replaceIt)
  const bytes = await readFile(path).catch((error) => fail(readFault(error), advice))
  if (isLfsPointer(bytes)) fail(lfsFault)
  return decodeUtf8(bytes, { source: path }, advice)
}

/** What a JSON file holds; limits and errors as those of {@link readTextFile}. */
export async function readJsonFile(path: string, limit = defaultLimit, advice?: string): Promise<unknown> {
  const text = await readTextFile(path, limit, advice)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InputError(`${path}: not JSON (${oneLine((error as Error).message)}); ${advice ?? replaceIt}`)
  }
}

/** Why the system would not open or read a file, in words, with what to do. */
export function readFault(error: unknown): string {
  const { code, path } = error as NodeJS.ErrnoException
  if (isMissing(error)) {
    const target = path && missingTarget(path)
    return target ? `is a link to ${target}, which is missing; download or copy that` : 'no such file; check the path'
  }
  if (code === 'EISDIR') return 'is a folder, not a file'
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read; check its permissions'
  return `cannot be read (${oneLine((error as Error).message)})`
}

/** Whether the system said that nothing lies at a path. */
export function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** The missing file that a link leads to, through other links or at once; undefined where `path` is no such link. */
export function missingTarget(path: string): string | undefined {
  let target: string | undefined
  // As many links as Linux follows.
  for (let links = 0; links < 40; links++) {
    const at = target ?? path
    try {
      target = resolve(dirname(at), readlinkSync(at))
    } catch (error) {
      return isMissing(error) ? target : undefined
    }
  }
  return undefined
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ')
}
