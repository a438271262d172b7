import { GpuError } from '../errors.js'
import type { Gpu } from './gpu.js'
import { type Copy, type Dispatch, encodeCopy, encodeDispatch, type Recording } from './recording.js'
import { usage } from './usage.js'

/** GPU time of all dispatches of one shader. */
export interface KernelTime {
  readonly kernel: string
  readonly dispatches: number
  /** Milliseconds. */
  readonly ms: number
}

/** Timestamps of a query set: two a dispatch. WebGPU allows no more. */
const capacity = 4096

/**
 * GPU time by kernel, from timestamps around every dispatch. Each dispatch gets a pass of its own, which takes time
 * that {@link Gpu.submit} saves: what is profiled is slower than what is run.
 */
export class Profiler {
  readonly #queries: GPUQuerySet
  readonly #resolved: GPUBuffer
  readonly #readable: GPUBuffer

  /** @throws GpuError where the device has no timestamps: see {@link Profiler.supports}. */
  constructor(readonly gpu: Gpu) {
    if (!Profiler.supports(gpu)) throw new GpuError(`${gpu.adapter.name} has no timestamps`)
    const { device } = gpu
    const size = capacity * 8
    this.#queries = device.createQuerySet({ label: 'profiler', type: 'timestamp', count: capacity })
    this.#resolved = device.createBuffer({ label: 'profiler', size, usage: usage.queryResolve | usage.copySrc })
    this.#readable = device.createBuffer({ label: 'profiler', size, usage: usage.mapRead | usage.copyDst })
  }

  static supports(gpu: Gpu): boolean {
    return gpu.features.has('timestamp-query')
  }

  /** Submits recordings, in order, and resolves with the time of each kernel when all is done; the longest first. */
  async submit(recordings: readonly Recording[]): Promise<KernelTime[]> {
    const steps = recordings.flatMap((it) => it.steps)
    const totals = new Map<string, KernelTime>()
    for (let start = 0; start < steps.length; start += capacity / 2) {
      for (const { kernel, ms } of await this.#time(steps.slice(start, start + capacity / 2))) {
        const total = totals.get(kernel) ?? { kernel, dispatches: 0, ms: 0 }
        totals.set(kernel, { kernel, dispatches: total.dispatches + 1, ms: total.ms + ms })
      }
    }
    return [...totals.values()].sort((a, b) => b.ms - a.ms)
  }

  dispose(): void {
    this.#queries.destroy()
    this.#resolved.destroy()
    this.#readable.destroy()
  }

  async #time(steps: readonly (Dispatch | Copy)[]): Promise<{ kernel: string; ms: number }[]> {
    const { gpu } = this
    gpu.check()
    const encoder = gpu.device.createCommandEncoder({ label: 'profile' })
    const kernels: string[] = []
    for (const step of steps) {
      if ('kernel' in step) {
        const at = 2 * kernels.length
        const timestampWrites = { querySet: this.#queries, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 }
        const pass = encoder.beginComputePass({ label: 'profile', timestampWrites })
        encodeDispatch(pass, step)
        pass.end()
        kernels.push(step.kernel.shader.name)
      } else {
        encodeCopy(encoder, step)
      }
    }
    const bytes = kernels.length * 16
    if (bytes > 0) {
      encoder.resolveQuerySet(this.#queries, 0, 2 * kernels.length, this.#resolved, 0)
      encoder.copyBufferToBuffer(this.#resolved, 0, this.#readable, 0, bytes)
    }
    gpu.device.queue.submit([encoder.finish()])
    if (bytes === 0) return []
    await gpu.guard(this.#readable.mapAsync(1, 0, bytes))
    const times = new BigUint64Array(this.#readable.getMappedRange(0, bytes).slice(0))
    this.#readable.unmap()
    // Some drivers let a clock step back between two reads.
    return kernels.map((kernel, i) => ({ kernel, ms: Math.max(0, Number(times[2 * i + 1]! - times[2 * i]!) / 1e6) }))
  }
}
