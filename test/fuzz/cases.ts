import { accessSync, constants } from 'node:fs'
import fc, { type Arbitrary } from 'fast-check'
import * as assert from 'uvu/assert'
import { MiscError } from '../../src/errors.js'
import { tempFolder } from '../temp.js'

/** How many cases a kind of input gets, and where they start: the same every time, unless `npm run fuzz` says otherwise. */
const asked = process.env.MISC_FUZZ_CASES
const usual = 2000
const seed = Number(process.env.MISC_FUZZ_SEED ?? 1)

/** Seconds of this process's own time for one case: generous, as cases take about a millisecond. */
const mostSeconds = 5
/** Bytes that memory may grow by in one case: inputs are some kilobytes. */
const mostMemory = 2 ** 26

/**
 * A folder for the files of cases, in memory where Linux has a place for that: each is written over the one before, and a disk
 * has written that one down before it lets go of it.
 */
export function caseFolder(): string {
  const memory = '/dev/shm'
  try {
    accessSync(memory, constants.W_OK)
  } catch {
    return tempFolder()
  }
  return tempFolder(memory)
}

/** Characters of a case and of an error that a failure prints. */
const mostShown = 2000

/**
 * Asserts that whatever is read of such cases is either right, or refused with an error of src/errors.ts whose message is a
 * line of bounded length; in bounded time and memory.
 *
 * @param read reads a case, and asserts what must hold of what comes out
 * @param share of the usual number of cases that `npm test` looks at, where each takes milliseconds
 */
export async function neverBreaks<T>(cases: Arbitrary<T>, read: (it: T) => unknown, share = 1): Promise<void> {
  const property = fc.asyncProperty(cases, async (it) => {
    const before = process.memoryUsage()
    const start = process.cpuUsage()
    try {
      await read(it)
    } catch (error) {
      if (!(error instanceof MiscError)) throw error
      assert.not.match(error.message, /[\n\r]/)
      assert.ok(error.message.length < 5000, `a message of ${error.message.length} characters: ${error.message}`)
    }
    const { user, system } = process.cpuUsage(start)
    assert.ok(user + system < mostSeconds * 1e6, `it took ${(user + system) / 1e6} seconds`)
    const after = process.memoryUsage()
    for (const part of ['heapTotal', 'external'] as const) {
      const grown = after[part] - before[part]
      assert.ok(grown < mostMemory, `${part} grew by ${grown} bytes`)
    }
  })
  const found = await fc.check(property, { numRuns: Number(asked ?? usual * share), seed })
  if (!found.failed) return
  const { counterexamplePath: path, counterexample, errorInstance } = found
  const shown = fc.stringify(counterexample?.[0]).slice(0, mostShown)
  throw new Error(
    `seed ${seed}, path ${path}: ${shown}\n${(errorInstance as Error | null)?.stack?.slice(0, mostShown)}`,
  )
}
