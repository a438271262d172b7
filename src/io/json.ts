import { readFile } from 'node:fs/promises'
import { InputError } from '../errors.js'

/** A name from a file, fit for a one-line message: in quotes, escaped, shortened when long. */
export function quote(name: string): string {
  const short = name.length > 120 ? `${name.slice(0, 117)}...` : name
  return JSON.stringify(short)
}

/**
 * Reads and parses a JSON file.
 *
 * @throws InputError when the file is missing, unreadable or not JSON.
 */
export async function readJsonFile(path: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw new InputError(`${path}: ${readFault(error)}`)
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InputError(`${path}: not JSON (${oneLine((error as Error).message)}); correct or replace the file`)
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
