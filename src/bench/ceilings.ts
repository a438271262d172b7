import type { Gpu } from '../gpu/gpu.js'
import { Recorder } from '../gpu/recorder.js'
import { timed } from './statistics.js'

/** What an adapter can do at best, measured: the ends of the scale for MBU and MFU. */
export interface Ceilings {
  readonly read_bandwidth: { readonly gb_per_s: number; readonly bytes: number; readonly kernel: CeilingKernel }
  readonly fma: { readonly gflop_per_s: number; readonly kernel: CeilingKernel }
}

/** The kernel that was fastest: its workgroup's size, and for reads whether lanes read side by side. */
export interface CeilingKernel {
  readonly lanes: number
  readonly interleaved?: boolean
}

/** A measurement lasts about so long: long enough for the clock, and for the submit not to count. */
const targetMs = 60
const runs = 5
/** vec4s that an invocation of the read kernel reads: a GPU wants many invocations, a CPU long stretches. */
const readsPerInvocation = (gpu: Gpu): number => (gpu.adapter.software ? 1024 : 64)
const fmaInvocations = 2 ** 16
const flopsPerTurn = 512

/**
 * Measures read bandwidth and FMA peak; each is the best run of the best kernel of a few.
 *
 * @param bytes size of the buffer that is read: more than the caches hold, on a large GPU more than on a CPU.
 */
export async function measureCeilings(gpu: Gpu, bytes = gpu.adapter.software ? 2 ** 27 : 2 ** 28): Promise<Ceilings> {
  const sizes = [...new Set([gpu.adapter.subgroupSize || 32, 64, 256])]
  return { read_bandwidth: await readBandwidth(gpu, bytes, sizes), fma: await fmaPeak(gpu, sizes) }
}

async function readBandwidth(gpu: Gpu, wanted: number, sizes: number[]): Promise<Ceilings['read_bandwidth']> {
  const bytes = Math.min(wanted, 2 ** Math.floor(Math.log2(gpu.limits.maxStorageBufferBindingSize)))
  const reads = readsPerInvocation(gpu)
  const invocations = bytes / 16 / reads
  const source = gpu.tensor('bandwidth.source', [bytes / 4])
  const out = gpu.tensor('bandwidth.out', [invocations, 4])
  const kernels = sizes.flatMap((lanes) => [true, false].map((interleaved) => ({ lanes, interleaved })))
  const best = await fastest(kernels, ({ lanes, interleaved }, times) =>
    dispatchMs(gpu, (recorder) => {
      const kernel = gpu.kernel('read-bandwidth', { LANES: lanes, INTERLEAVED: interleaved ? 1 : 0 })
      const params = { turns: reads / 4 }
      for (let i = 0; i < times; i++) recorder.dispatch(kernel, { source, out }, params, [invocations / lanes])
    }),
  )
  gpu.free(source, out)
  return { gb_per_s: bytes / best.ms / 1e6, bytes, kernel: best.kernel }
}

async function fmaPeak(gpu: Gpu, sizes: number[]): Promise<Ceilings['fma']> {
  const out = gpu.tensor('fma.out', [fmaInvocations, 4])
  const best = await fastest(
    sizes.map((lanes) => ({ lanes })),
    ({ lanes }, turns) =>
      dispatchMs(gpu, (recorder) => {
        const kernel = gpu.kernel('fma-peak', { LANES: lanes })
        recorder.dispatch(kernel, { out }, { turns, factor: 0.999, summand: 0.001 }, [fmaInvocations / lanes])
      }),
  )
  gpu.free(out)
  return { gflop_per_s: (fmaInvocations * flopsPerTurn) / best.ms / 1e6, kernel: best.kernel }
}

/**
 * Tries every kernel, with as much work as fills the target time, and the best of them some more times.
 *
 * @param work milliseconds of so many units of work with a kernel.
 * @returns milliseconds of one unit, in the best run of all.
 */
async function fastest<Kernel extends object>(
  kernels: readonly Kernel[],
  work: (kernel: Kernel, units: number) => Promise<number>,
): Promise<{ kernel: Kernel; ms: number }> {
  let best = { kernel: kernels[0]!, units: 1, ms: Number.POSITIVE_INFINITY }
  for (const kernel of kernels) {
    // The first touch of a buffer fills it, and some drivers compile a kernel when it first runs.
    await work(kernel, 1)
    const once = await work(kernel, 1)
    const units = Math.min(1000, Math.ceil(targetMs / once))
    const ms = units === 1 ? once : (await work(kernel, units)) / units
    if (ms < best.ms) best = { kernel, units, ms }
  }
  for (let run = 1; run < runs; run++) best.ms = Math.min(best.ms, (await work(best.kernel, best.units)) / best.units)
  return { kernel: best.kernel, ms: best.ms }
}

async function dispatchMs(gpu: Gpu, record: (recorder: Recorder) => void): Promise<number> {
  const recorder = new Recorder(gpu)
  record(recorder)
  const recording = await recorder.finish('ceiling')
  const ms = await timed(async () => {
    gpu.submit([recording])
    await gpu.idle()
  })
  recording.dispose()
  return ms
}
