import { max, mean, min, quantileSorted, standardDeviation } from 'simple-statistics'

/** What several timings of the same work come to. Quantiles lie between neighbours, as NumPy has them by default. */
export interface Summary {
  /** How many there were. */
  readonly n: number
  readonly mean: number
  /** Of the population, 0 where n is 1. */
  readonly std: number
  readonly min: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** Sums up at least one value. */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b)
  return {
    n: sorted.length,
    mean: mean(sorted),
    std: standardDeviation(sorted),
    min: min(sorted),
    p50: quantileSorted(sorted, 0.5),
    p95: quantileSorted(sorted, 0.95),
    p99: quantileSorted(sorted, 0.99),
    max: max(sorted),
  }
}

/** Milliseconds that some work took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** Sum of numbers. */
export const sum = (values: Iterable<number>): number => {
  let total = 0
  for (const value of values) total += value
  return total
}
