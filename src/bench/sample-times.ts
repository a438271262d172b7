import Benchmark from 'benchmark'

/** Seconds that a sample lasts at least, over several runs. */
const minTime = 0.01
/** Seconds spent on each sample wanted; after them no more is taken. */
const timePerSample = 0.05

/**
 * How long some asynchronous work takes, sampled by the package `benchmark`.
 *
 * @param samples at least so many; more of short work.
 * @returns milliseconds of one run, a value for each sample.
 * @throws what the work throws.
 */
export function sampleTimes(work: () => Promise<void>, samples: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const benchmark = new Benchmark({
      ...{ minSamples: samples, maxTime: samples * timePerSample, minTime, delay: 0 },
      defer: true,
      fn: (deferred: Benchmark.Deferred) => {
        work().then(
          () => deferred.resolve(),
          (error: unknown) => {
            reject(error)
            benchmark.abort()
            deferred.resolve()
          },
        )
      },
      onComplete: () => resolve(benchmark.stats.sample.map((seconds) => seconds * 1e3)),
      onError: () => reject(benchmark.error),
    })
    benchmark.run({ async: true })
  })
}
