import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'uvu'

const root = fileURLToPath(new URL('../../shared/', import.meta.url))

/** The path of a file or folder of ../shared, or undefined where it is missing: `sharedPath('golden', 'text')`. */
export function sharedPath(...parts: string[]): string | undefined {
  const path = join(root, ...parts)
  return existsSync(path) ? path : undefined
}

/**
 * The suite itself where ../shared is present; otherwise a suite whose tests are all counted as skipped, and a line on
 * stderr that says why: `const golden = skipWithoutShared(suite('golden'), 'compares all 415 lines')`.
 */
export function skipWithoutShared<T>(suite: Test<T>, reason: string): Test<T> {
  if (sharedPath()) return suite
  process.stderr.write(`skipped, ../shared is missing: ${reason}\n`)
  const nothing = Object.assign(() => {}, { each: () => {} })
  const skip = (name: string) => suite.skip(name)
  return Object.assign(skip, { only: skip, skip: suite.skip, before: nothing, after: nothing, run: suite.run })
}
