import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('./fixtures/', import.meta.url))

/** The path of a file or folder of test/fixtures. */
export const fixture = (...parts: string[]): string => join(root, ...parts)

/** The rows of a JSON Lines file. */
export const readJsonLines = (path: string): Record<string, unknown>[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
