import { quantile } from 'simple-statistics'
import type { Budget } from './budget.js'

/** A kernel to be compared with others that compute the same. */
export interface Candidate {
  readonly name: string
  /** Waits for its compilation, which keeps nobody from the GPU. */
  compile(): Promise<void>
  /** Runs for the first time, when drivers compile once more, and reads the result back. */
  start(): Promise<Float32Array>
  /** Milliseconds of one run. */
  time(): Promise<number>
}

/** Work that wants the GPU for itself, and not for long. */
export type Slice = () => Promise<void>

/** What a comparison found. */
export interface KernelComparison {
  readonly choice: string
  /** Median milliseconds of those that were timed, the guess first. */
  readonly ms: Readonly<Record<string, number>>
  /** Those that there was no time for, and why. */
  readonly skipped: Readonly<Record<string, string>>
  /** Those that failed or computed something else than the guess, and how. */
  readonly wrong: Readonly<Record<string, string>>
}

/** Rules of {@link compareKernels}. */
export interface ComparisonRules {
  readonly budget: Budget
  /** How long a first run is expected to take until one was seen. */
  readonly expectedStartMs: number
  /** How far results may be apart, as a part of the largest value. */
  readonly tolerance: number
}

/** A kernel must beat the guess by this factor: less is noise, and the guess has reasons. */
export const margin = 1.05
const rounds = 5
/** Who is so much slower than the best is not asked again. */
const farSlower = 1.5

/**
 * Lets kernels take turns at the same work, and chooses the fastest if it beats the first, the guess, by {@link margin}. One
 * whose result is not the guess's is left out, and so is one that fails, or that the budget has no room for.
 *
 * @param kernels the guess first.
 * @returns undefined where the budget had no room for the guess and one more.
 */
export async function* compareKernels(
  kernels: readonly Candidate[],
  { budget, expectedStartMs, tolerance }: ComparisonRules,
): AsyncGenerator<Slice, KernelComparison | undefined> {
  const skipped: Record<string, string> = {}
  const wrong: Record<string, string> = {}
  const times = new Map<Candidate, number[]>()
  let expected: Float32Array | undefined
  let longestStart = 0
  for (const kernel of kernels) {
    const { name } = kernel
    const longest = longestStart || expectedStartMs
    if (!budget.fits(longest)) {
      skipped[name] = `its first run may take ${Math.round(longest)} ms, more than is left`
      continue
    }
    try {
      await kernel.compile()
      const { value: result, ms } = yield* inSlice(budget, () => kernel.start())
      longestStart = Math.max(longestStart, ms)
      expected ??= result
      const off = difference(result, expected)
      if (off <= tolerance) times.set(kernel, [])
      else wrong[name] = `its result is off by ${off.toPrecision(2)} of the largest value`
    } catch (error) {
      wrong[name] = (error as Error).message
    }
  }
  // Without the guess there is nothing to compare with.
  if (!times.has(kernels[0]!)) return undefined

  let longestTurn = 0
  for (let round = 0; round < rounds; round++) {
    const best = Math.min(...[...times.values()].map(median))
    for (const [kernel, its] of times) {
      if (round > 0 && median(its) > farSlower * best) continue
      if (!budget.fits(longestTurn)) break
      const { value, ms } = yield* inSlice(budget, () => kernel.time())
      its.push(value)
      longestTurn = Math.max(longestTurn, ms)
    }
  }
  for (const [{ name }, its] of times) if (its.length === 0) skipped[name] = 'the others took all the time there was'
  const timed = [...times].flatMap(([{ name }, its]) => (its.length > 0 ? [[name, its] as const] : []))
  // The guess has the first turn; a class that only it had is left for another time.
  if (timed.length < 2 && Object.keys(skipped).length > 0) return undefined
  const ms = Object.fromEntries(timed.map(([name, its]) => [name, median(its)]))
  return { choice: choose(Object.fromEntries(timed)), ms, skipped, wrong }
}

/** Hands work out as a slice, and has what came of it once the slice was run. */
export async function* inSlice<T>(
  budget: Budget,
  work: () => Promise<T>,
): AsyncGenerator<Slice, { value: T; ms: number }> {
  const before = budget.spent
  let outcome: Promise<T> | undefined
  yield async () => {
    outcome = budget.spend(work)
    await outcome.catch(() => {})
  }
  return { value: await outcome!, ms: budget.spent - before }
}

/**
 * The kernel with the least median, if it beats the first, the guess, by {@link margin} in its median and in its best time:
 * what else a machine does falls on some turns more than on others. Else the guess.
 */
export function choose(times: Readonly<Record<string, readonly number[]>>): string {
  const [[guess, its], ...others] = Object.entries(times) as [[string, number[]], ...[string, number[]][]]
  const beats = (other: readonly number[]) =>
    median(other) * margin < median(its) && Math.min(...other) * margin < Math.min(...its)
  const better = others.filter(([, other]) => beats(other)).sort(([, a], [, b]) => median(a) - median(b))
  return better[0]?.[0] ?? guess
}

/** Infinity where there is none yet. */
const median = (times: readonly number[]): number =>
  times.length === 0 ? Number.POSITIVE_INFINITY : quantile([...times], 0.5)

/** The largest difference, as a part of the largest expected value; NaN where anything is NaN. */
function difference(actual: Float32Array, expected: Float32Array): number {
  const most = (values: Float32Array, of: (value: number, i: number) => number) =>
    values.reduce((largest, value, i) => Math.max(largest, Math.abs(of(value, i))), 0)
  if (actual.length !== expected.length) return Number.NaN
  return most(actual, (value, i) => value - expected[i]!) / (most(expected, (value) => value) || 1)
}
