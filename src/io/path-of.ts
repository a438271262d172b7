import { join, parse } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InputError } from '../errors.js'
import { quote } from '../quote.js'

/**
 * The path that a caller gave, as a string or a file URL; a string is a path, as Node's own functions take it.
 *
 * @param what the file or folder, for the message
 * @throws InputError for anything else
 */
export function pathOf(value: string | URL, what: string): string {
  const path = value instanceof URL && value.protocol === 'file:' ? decoded(value) : value
  if (typeof path === 'string' && path !== '' && !path.includes('\0')) return path
  throw new InputError(`${what} must be a path or a file URL, got ${quote(value instanceof URL ? value.href : value)}`)
}

/** The path of a file in a folder. */
export const fileIn = (folder: string, name: string): string => join(folder, name)

/** What a file is called, its ending left out. */
export const nameOf = (path: string): string => parse(path).name

/** The path of a file URL; undefined where it has none, as `file:///a%2Fb`. */
function decoded(url: URL): string | undefined {
  try {
    return fileURLToPath(url)
  } catch {
    return undefined
  }
}
