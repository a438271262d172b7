import { open } from 'node:fs/promises'
import { InputError } from '../errors.js'

/**
 * The text of a small UTF-8 file, or an {@link InputError} that names the file: missing, not a regular file, unreadable,
 * over `limit` bytes, or not UTF-8.
 */
export async function readTextFile(path: string, limit: number, advice: string): Promise<string> {
  let bytes: Buffer
  try {
    const file = await open(path)
    try {
      const stat = await file.stat()
      if (!stat.isFile()) throw new InputError(`${path}: not a regular file; ${advice}`)
      if (stat.size > limit)
        throw new InputError(`${path}: ${stat.size} bytes, more than the limit of ${limit}; ${advice}`)
      bytes = await file.readFile()
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof InputError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw new InputError(`${path}: ${code === 'ENOENT' ? 'no such file' : message}; ${advice}`)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new InputError(`${path}: not UTF-8 text; ${advice}`)
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
