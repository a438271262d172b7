import { readFile, stat } from 'node:fs/promises'
import { InputError } from '../errors.js'
import { readFault } from '../io/json.js'

/**
 * The text of a small UTF-8 file, or an {@link InputError} that names the file: missing, not a regular file,
 * unreadable, over `limit` bytes, or not UTF-8.
 */
export async function readTextFile(path: string, limit: number, advice: string): Promise<string> {
  const fail = (what: string): never => {
    throw new InputError(`${path}: ${what}; ${advice}`)
  }
  const info = await stat(path).catch((error) => fail(readFault(error)))
  if (!info.isFile()) fail('not a regular file')
  if (info.size > limit) fail(`${info.size} bytes, more than the limit of ${limit}`)
  const bytes = await readFile(path).catch((error) => fail(readFault(error)))
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return fail('not UTF-8 text')
  }
}

/** What a JSON file holds, or an {@link InputError} that names it. */
export async function readJsonFile(path: string, limit: number, advice: string): Promise<unknown> {
  const text = await readTextFile(path, limit, advice)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InputError(`${path}: not valid JSON (${(error as Error).message.replace(/\s+/g, ' ')}); ${advice}`)
  }
}
