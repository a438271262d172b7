import { readFile, stat } from 'node:fs/promises'
import { InputError } from '../errors.js'
import { decodeUtf8 } from './utf8.js'

/** The most bytes of a text file that is read whole, where the caller names no limit. */
const defaultLimit = 2 ** 26

const replaceIt = 'correct or replace the file'

/**
 * The text of a UTF-8 file that is small enough to be held in memory.
 *
 * @param advice what to do about a file that is missing or not as it should be
 * @throws InputError that names the file: missing, not a file, unreadable, over `limit` bytes, or not UTF-8
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
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'no such file; check the path'
  if (code === 'EISDIR') return 'is a folder, not a file'
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read; check its permissions'
  return `cannot be read (${oneLine((error as Error).message)})`
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ')
}
