import { median } from 'simple-statistics'
import { type KernelTime, Profiler } from '../gpu/profiler.js'
import type { Recording } from '../gpu/recording.js'
import type { Ceilings } from './ceilings.js'
import type { GpuTime, WorkRow } from './report.js'
import type { BenchRig } from './rig.js'
import { sum, summarize, timed } from './statistics.js'

/** What a suite works with. */
export interface SuiteContext<Rig extends BenchRig = BenchRig> {
  readonly rig: Rig
  readonly ceilings: Ceilings
  /** Called after every run. */
  readonly onRun: () => void
}

/** Runs something as often as the workload says; what the runs after the warm-ups gave. */
export async function repeated<T>({ rig, onRun }: SuiteContext, run: () => Promise<T>): Promise<T[]> {
  const { warmups, repetitions } = rig.workload
  const results: T[] = []
  for (let i = 0; i < warmups + repetitions; i++) {
    const result = await run()
    if (i >= warmups) results.push(result)
    onRun()
  }
  return results
}

/** Times one kind of work on ids. `prepare` is not timed. Without a count of its operations there is no MFU. */
export async function timeRow(
  context: SuiteContext,
  { name, ids, flops }: { name: string; ids: number; flops: number | undefined },
  work: () => Promise<unknown>,
  prepare: () => unknown = () => {},
): Promise<WorkRow> {
  const times = await repeated(context, async () => {
    await prepare()
    return timed(work)
  })
  const ms = summarize(times)
  const row = { name, ids, ms, ids_per_s: ids / (ms.mean / 1e3) }
  if (flops === undefined) return row
  const gflop = flops / 1e9
  return { ...row, gflop, mfu: gflop / (ms.mean / 1e3) / context.ceilings.fma.gflop_per_s }
}

/**
 * GPU time of some work by kernel, the median of several runs; one before them does not count.
 *
 * @param work submits what it records with the function it is given, once.
 */
export async function gpuTime(
  { rig: { gpu } }: SuiteContext,
  runs: number,
  work: (submit: (recording: Recording) => Promise<void>) => Promise<unknown>,
): Promise<GpuTime> {
  if (!Profiler.supports(gpu)) return null
  const profiler = new Profiler(gpu)
  const results: KernelTime[][] = []
  try {
    for (let run = 0; run <= runs; run++) {
      await work(async (recording) => {
        const times = await profiler.submit([recording])
        if (run > 0) results.push(times)
      })
    }
  } finally {
    profiler.dispose()
  }
  const kernels = results[0]!.map(({ kernel, dispatches }) => {
    const times = results.map((run) => run.find((it) => it.kernel === kernel)!.ms)
    return { kernel, dispatches, ms: median(times) }
  })
  kernels.sort((a, b) => b.ms - a.ms)
  return { ms: sum(kernels.map(({ ms }) => ms)), kernels }
}
