import type Benchmark from 'benchmark'
import { median } from 'simple-statistics'
import { Profiler } from '../gpu/profiler.js'
import { Recorder } from '../gpu/recorder.js'
import type { Recording } from '../gpu/recording.js'
import { attentionCases } from './attention-cases.js'
import type { Ceilings } from './ceilings.js'
import { CaseTensors, type KernelCase, type KernelCaseMaker } from './kernel-case.js'
import type { MiscRig } from './misc-rig.js'
import { productCases, quotedProductCases } from './product-cases.js'
import type { KernelRow, KernelsReport } from './report.js'
import { rowCases } from './row-cases.js'
import { sum, summarize, timed } from './statistics.js'
import type { SuiteContext } from './suite.js'

/** A submission lasts about so long, so that what it costs by itself does not count. */
const submissionMs = 8
/** Runs by timestamps. */
const profiledRuns = 3

/** Seconds that a sample lasts at least, over several runs. */
const leastSampleSeconds = 0.01
/** Seconds spent on each sample wanted; after them no more is taken. */
const secondsPerSample = 0.05

/** What {@link kernelsSuite} times. @param quoted with the products that peers are timed on, whatever the model. */
export const kernelCases = (rig: MiscRig, quoted: boolean): KernelCaseMaker[] => [
  ...(quoted ? quotedProductCases : []),
  ...productCases(rig),
  ...attentionCases(rig),
  ...rowCases(rig),
]

/** Every kernel that the adapter can run for the model's shapes, those that the engine does not choose too. */
export async function kernelsSuite(
  { rig, ceilings, onRun }: SuiteContext<MiscRig>,
  cases: readonly KernelCaseMaker[],
): Promise<KernelsReport> {
  // Fills the decoder's caches, which attention reads.
  await rig.start()
  const rows: KernelRow[] = []
  const tensors = new CaseTensors(rig)
  for (const makeCase of cases) {
    try {
      rows.push(...(await timeCase(rig, makeCase(rig, tensors), ceilings)))
    } finally {
      tensors.free()
    }
    onRun()
  }
  return { rows }
}

async function timeCase(rig: MiscRig, kernelCase: KernelCase, ceilings: Ceilings): Promise<KernelRow[]> {
  const { variants } = rig.gpu
  const rows: KernelRow[] = []
  const [choice] = variants.watch(() => kernelCase.record(new Recorder(rig.gpu), 0))
  // Shapes that one kernel only can do leave no choice.
  const { op, candidates, chosen } = choice ?? { op: kernelCase.op, candidates: ['only'], chosen: 'only' }
  for (const variant of candidates) {
    variants.name(op, variant)
    try {
      const { ms, gpuMs } = await timeVariant(rig, kernelCase)
      rows.push(row(op, variant, variant === chosen, kernelCase, ms, gpuMs, ceilings))
    } finally {
      variants.name(op, undefined)
    }
  }
  return rows
}

/** Milliseconds of one dispatch, by the clock and by timestamps. */
async function timeVariant(rig: MiscRig, { layers, record, prepare }: KernelCase) {
  const { gpu } = rig
  const recorder = new Recorder(gpu)
  for (let layer = 0; layer < layers; layer++) record(recorder, layer)
  const recording = await recorder.finish('kernels')
  try {
    const run = async (repeats: number) => {
      prepare?.()
      gpu.submit(new Array<Recording>(repeats).fill(recording))
      await gpu.idle()
    }
    // The first run may wait for the driver to compile.
    await run(1)
    const once = await timed(() => run(1))
    // A reply has so many draws at least.
    const most = prepare ? rig.workload.tokens : 1000
    const repeats = Math.min(most, Math.max(1, Math.round(submissionMs / once)))
    const times = await sampleTimes(() => run(repeats), rig.workload.repetitions)
    const ms = summarize(times.map((time) => time / repeats / layers))
    return { ms, gpuMs: await gpuTime(rig, recording, layers, prepare) }
  } finally {
    recording.dispose()
  }
}

/**
 * How long some asynchronous work takes, sampled by the package `benchmark`.
 *
 * @param samples at least so many; more of short work.
 * @returns milliseconds of one run, a value for each sample.
 * @throws what the work throws.
 */
async function sampleTimes(work: () => Promise<void>, samples: number): Promise<number[]> {
  const { default: Runner } = await import('benchmark')
  return new Promise((resolve, reject) => {
    const benchmark: Benchmark = new Runner({
      ...{ minSamples: samples, maxTime: samples * secondsPerSample, minTime: leastSampleSeconds, delay: 0 },
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

async function gpuTime({ gpu }: MiscRig, recording: Recording, layers: number, prepare?: () => void) {
  if (!Profiler.supports(gpu)) return null
  const profiler = new Profiler(gpu)
  try {
    const times: number[] = []
    for (let run = 0; run < profiledRuns; run++) {
      prepare?.()
      times.push(sum((await profiler.submit([recording])).map((it) => it.ms)) / layers)
    }
    return median(times)
  } finally {
    profiler.dispose()
  }
}

function row(
  op: string,
  variant: string,
  inUse: boolean,
  { shape, flops, bytes }: KernelCase,
  ms: KernelRow['ms'],
  gpuMs: number | null,
  { fma, read_bandwidth: read }: Ceilings,
): KernelRow {
  const [computeMs, memoryMs] = [flops / fma.gflop_per_s / 1e6, bytes / read.gb_per_s / 1e6]
  return {
    ...{ op, shape, variant, in_use: inUse, ms, gpu_ms: gpuMs, gflop: flops / 1e9, bytes },
    gflop_per_s: flops / ms.p50 / 1e6,
    gb_per_s: bytes / ms.p50 / 1e6,
    bound: computeMs > memoryMs ? 'compute' : 'memory',
    of_ceiling: Math.max(computeMs, memoryMs) / ms.p50,
  }
}
