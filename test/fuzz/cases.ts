import { accessSync, constants } from 'node:fs'
import { getHeapStatistics } from 'node:v8'
import fc, { type Arbitrary } from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MiscError } from '../../src/errors.js'
import { tempFolder } from '../temp.js'
import { directFiles } from './direct-files.js'

/** Cases of a kind in `npm test`, and where they start: the same every time. */
const usual = { cases: 2000, seed: 1 }

/** Seconds of this process's own time for one case: generous, as cases take about a millisecond. */
const mostSeconds = 5
/** Bytes that memory may grow by in one case: inputs are some kilobytes. */
const mostMemory = 2 ** 26

/** A kind of input, and what must hold of whatever is read of it. */
export interface Kind<T> {
  readonly name: string
  readonly cases: Arbitrary<T>
  /** Reads a case, and asserts what must hold of what comes out. */
  readonly read: (it: T) => unknown
  /** The share of {@link usual}'s cases that `npm test` looks at, where each takes milliseconds; default: 1. */
  readonly share?: number
  /** The least share of cases that are read rather than refused: where nearly all are refused, little is looked at; default: 1/20. */
  readonly sound?: number
}

// biome-ignore lint/suspicious/noExplicitAny: kinds of cases of different types stand side by side
type AnyKind = Kind<any>

/** The kinds of the files that were imported, in their order, by name. */
export const kinds = new Map<string, AnyKind>()

/** The kinds of a file: each is a test of `npm test`, and one of {@link kinds} for `npm run fuzz`. */
export function kindsOf(file: string) {
  const tests = suite(`fuzz/${file}`)
  return {
    add<T>(kind: Kind<T>): void {
      const name = `${file}: ${kind.name}`
      kinds.set(name, { ...kind, name })
      tests(kind.name, async () => {
        const { seed, cases } = usual
        const { failure } = await checkKind(kind, { seed, cases: cases * (kind.share ?? 1) })
        if (failure) throw new Error(`seed ${seed}, path ${failure.path}: ${failure.text}`)
      })
    },
    run: () => tests.run(),
  }
}

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

/** What came of a kind's cases. */
export interface Outcome {
  /** Cases that were looked at, those of shrinking left out. */
  readonly cases: number
  /** Those that were read, and not refused. */
  readonly sound: number
  /** The longest time that one of them took of this process, in seconds. */
  readonly slowest: number
  readonly failure?: {
    /** Where fast-check finds the case again, from the same seed. */
    readonly path: string
    readonly text: string
  }
}

/** Characters of a case and of an error that a failure prints. */
const mostShown = 2000

/**
 * Checks that whatever is read of a kind's cases is either right, or refused with an error of src/errors.ts whose message is a
 * line of bounded length; in bounded time and memory.
 *
 * @param path of a case that failed: that alone, and what is smaller
 * @param begin is told the number of each case, before it is read
 */
export async function checkKind<T>(
  { cases, read, sound: least = 1 / 20 }: Kind<T>,
  { path, begin, ...from }: { seed: number; cases: number; path?: string; begin?: (index: number) => unknown },
): Promise<Outcome> {
  using _ = directFiles()
  const count = { cases: 0, sound: 0, slowest: 0, failed: false }
  const property = fc.asyncProperty(cases, async (it) => {
    // What comes after a failure is fast-check's search for a smaller one.
    const counted = !count.failed
    if (counted) {
      begin?.(count.cases)
      count.cases++
    }
    count.failed = true
    const before = getHeapStatistics()
    const start = process.cpuUsage()
    try {
      await read(it)
      if (counted) count.sound++
    } catch (error) {
      if (!(error instanceof MiscError)) throw error
      assert.not.match(error.message, /[\n\r]/, `a message of lines: ${JSON.stringify(error.message)}`)
      assert.ok(error.message.length < 5000, `a message of ${error.message.length} characters: ${error.message}`)
    }
    const { user, system } = process.cpuUsage(start)
    const seconds = (user + system) / 1e6
    if (counted) count.slowest = Math.max(count.slowest, seconds)
    assert.ok(seconds < mostSeconds, `it took ${seconds} seconds`)
    const after = getHeapStatistics()
    for (const part of ['total_heap_size', 'external_memory'] as const) {
      const grown = after[part] - before[part]
      assert.ok(grown < mostMemory, `${part} grew by ${grown} bytes`)
    }
    if (counted) count.failed = false
  })
  const found = await fc.check(property, { numRuns: from.cases, seed: from.seed, ...(path && { path }) })
  const outcome = { cases: count.cases, sound: count.sound, slowest: count.slowest }
  if (found.failed) {
    const { counterexamplePath, counterexample, errorInstance } = found
    const shown = fc.stringify(counterexample?.[0]).slice(0, mostShown)
    const text = `${shown}\n${(errorInstance as Error | null)?.stack?.slice(0, mostShown)}`
    return { ...outcome, failure: { path: counterexamplePath!, text } }
  }
  if (!path && count.sound <= count.cases * least) {
    return { ...outcome, failure: { path: '', text: `only ${count.sound} of ${count.cases} were sound` } }
  }
  return outcome
}
