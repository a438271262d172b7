import { GpuError, ShapeError } from '../errors.js'
import type { Gpu } from './gpu.js'
import type { Kernel } from './kernel.js'
import type { Copy, Dispatch, Recording } from './recording.js'
import type { Tensor, TensorPart } from './tensor.js'

/** Called when a kernel has run, with how many have so far, of how many, and its shader's name. */
export type OnKernel = (done: number, total: number, shader: string) => void

/**
 * Runs every kernel of some recordings once, on one workgroup, one after the other: some drivers compile a kernel when it
 * first runs, and not when its pipeline is made. What the dispatches write is undefined; a workgroup that draws its work
 * finds none.
 */
export async function runEachKernel(
  gpu: Gpu,
  recordings: readonly Recording[],
  onKernel: OnKernel = () => {},
): Promise<void> {
  const dispatches = recordings.flatMap(({ steps }) => steps).filter((it) => 'kernel' in it)
  const first = [...new Map(dispatches.toReversed().map((it) => [it.kernel, it])).values()]
  const spent = gpu.tensorFrom('tickets.spent', [1], Uint32Array.of(2 ** 31))
  const setTickets = (source: Tensor): Copy => ({
    source,
    target: gpu.tickets,
    count: 1,
    sourceStart: 0,
    targetStart: 0,
  })
  for (const [i, dispatch] of first.entries()) {
    const steps = [setTickets(spent), { ...dispatch, workgroups: [1, 1, 1] as const }, setTickets(gpu.zeros)]
    gpu.submit([{ steps, dispose: () => {} }])
    await gpu.idle()
    onKernel(i + 1, first.length, dispatch.kernel.shader.name)
  }
  gpu.free(spent)
}

/** What a dispatch reads and writes, by the names of the shader's bindings. */
export type Bindings = Readonly<Record<string, Tensor | TensorPart | undefined>>

const partOf = (bound: Tensor | TensorPart): TensorPart => ('tensor' in bound ? bound : { tensor: bound, offset: 0 })

/** A dispatch as it is recorded. */
export interface RecordedDispatch {
  readonly kernel: Kernel
  /** What is bound, but for uniforms; where a binding is missing, a few zeros are. */
  readonly parts: Readonly<Record<string, TensorPart>>
  /** Values of the shader's `struct Params`. */
  readonly params: Readonly<Record<string, number>>
  /** Workgroups that the work is counted in; of a kernel that deals its work out, fewer start. */
  readonly grid: readonly [number, number, number]
  /** Workgroups that start. */
  readonly workgroups: readonly [number, number, number]
}

/** Told of every dispatch, before it is recorded and after: for validation, which copies what it reads and writes. */
export interface DispatchObserver {
  before(dispatch: RecordedDispatch): void
  after(dispatch: RecordedDispatch): void
}

interface PendingDispatch {
  kernel: Kernel
  parts: Readonly<Record<string, TensorPart>>
  /** Bytes into the uniforms, by binding. */
  uniforms: Readonly<Record<string, number>>
  workgroups: readonly [number, number, number]
}

/** Bindings of `parts.dealt.wgsl`, which are no business of those who dispatch. */
const dealing = ['tickets', 'grid']

/**
 * Collects dispatches. Ops call {@link dispatch}; the caller then awaits {@link finish} and submits the recording, once
 * or many times.
 */
export class Recorder {
  readonly #pending: (PendingDispatch | Copy)[] = []
  #params = new DataView(new ArrayBuffer(1024))
  #paramsEnd = 0
  observer: DispatchObserver | undefined

  constructor(readonly gpu: Gpu) {}

  /** Dispatches and copies recorded so far. */
  get length(): number {
    return this.#pending.length
  }

  /**
   * Records one dispatch. Of a kernel that deals its work out, no more workgroups start than there are cores.
   *
   * @param bound `undefined` binds a few zeros where a read is optional.
   * @param params values of the shader's `struct Params`, each by name.
   * @param workgroups counts per dimension; with a zero among them nothing is recorded.
   * @throws GpuError where a binding or a parameter is missing, unknown, larger than the adapter binds, or bound to a read and
   *   a write at once.
   */
  dispatch(
    kernel: Kernel,
    bound: Bindings,
    params: Readonly<Record<string, number>>,
    workgroups: readonly [number, number?, number?],
  ): void {
    const counts = [workgroups[0], workgroups[1] ?? 1, workgroups[2] ?? 1] as const
    if (counts.includes(0)) return
    const { name, bindings, params: fields } = kernel.shader
    checkNames(name, 'binding', Object.keys(bound), [
      ...bindings.filter((it) => it.type !== 'uniform' && !dealing.includes(it.name)).map((it) => it.name),
    ])
    checkNames(name, 'parameter', Object.keys(params), [...fields.map((it) => it.name)])
    const parts: Record<string, TensorPart> = {}
    for (const [binding, it] of Object.entries(bound)) if (it) parts[binding] = partOf(it)
    const most = this.gpu.maxBindingBytes
    for (const { name: binding, type } of bindings) {
      const part = parts[binding]
      if (part && (part.bytes ?? part.tensor.buffer.size - part.offset) > most) {
        throw new GpuError(`${name}: ${part.tensor.label} does not fit in ${binding}, which has room for ${most} bytes`)
      }
      if (type !== 'storage' || dealing.includes(binding)) continue
      if (!part) throw new GpuError(`${name}: the output ${binding} is not bound`)
      const { buffer, label } = part.tensor
      const others = bindings.filter((it) => it.name !== binding && parts[it.name]?.tensor.buffer === buffer)
      if (others.length > 0) throw new GpuError(`${name}: ${label} is bound to ${binding} and ${others[0]!.name}`)
    }
    const limit = this.gpu.limits.maxComputeWorkgroupsPerDimension
    if (counts.some((count) => count > limit || !Number.isInteger(count))) {
      throw new ShapeError(`${name}: ${counts.join(' × ')} workgroups, at most ${limit} in each dimension`)
    }
    const uniforms: Record<string, number> = {}
    if (fields.length > 0) uniforms.params = this.#writeUniform(fields.map((it) => [it.type, params[it.name]!]))
    const dealt = bindings.some((it) => it.name === 'tickets')
    if (dealt) uniforms.grid = this.#writeUniform(counts.map((count) => ['u32', count]))
    const total = counts[0] * counts[1] * counts[2]
    const started = dealt ? ([Math.min(total, this.gpu.platform.cores), 1, 1] as const) : counts
    const recorded = { kernel, parts, params, grid: counts, workgroups: started }
    this.observer?.before(recorded)
    this.#pending.push({
      kernel,
      parts: dealt ? { ...parts, tickets: partOf(this.gpu.tickets) } : parts,
      uniforms,
      workgroups: started,
    })
    this.observer?.after(recorded)
  }

  /**
   * Records a copy of `count` elements of 32 bits.
   *
   * @throws GpuError where they are out of range, or within one tensor: WebGPU copies no buffer to itself.
   */
  copy(source: Tensor, target: Tensor, count: number, sourceStart = 0, targetStart = 0): void {
    if ((sourceStart + count) * 4 > source.bytes || (targetStart + count) * 4 > target.bytes) {
      throw new GpuError(`copy of ${count} elements from ${source.label} to ${target.label} is out of range`)
    }
    if (source.buffer === target.buffer) throw new GpuError(`copy within ${source.label}: it goes by another tensor`)
    if (count > 0) this.#pending.push({ source, target, count, sourceStart, targetStart })
  }

  /** Where among the uniforms they stand, in bytes. */
  #writeUniform(fields: readonly (readonly [type: 'u32' | 'i32' | 'f32', value: number])[]): number {
    const align = this.gpu.limits.minUniformBufferOffsetAlignment
    const offset = Math.ceil(this.#paramsEnd / align) * align
    this.#paramsEnd = offset + uniformBytes(fields.length)
    if (this.#paramsEnd > this.#params.byteLength) {
      const larger = new Uint8Array(Math.max(this.#params.byteLength * 2, this.#paramsEnd))
      larger.set(new Uint8Array(this.#params.buffer))
      this.#params = new DataView(larger.buffer)
    }
    fields.forEach(([type, value], i) => {
      const at = offset + i * 4
      if (type === 'f32') this.#params.setFloat32(at, value, true)
      else if (type === 'i32') this.#params.setInt32(at, value, true)
      else this.#params.setUint32(at, value, true)
    })
    return offset
  }

  /**
   * Awaits the kernels' compilation, in parallel, and makes the bind groups.
   *
   * @throws GpuError where a kernel does not compile, or a tensor cannot be bound.
   * @throws OutOfMemoryError
   */
  async finish(label = 'recording'): Promise<Recording> {
    const { gpu } = this
    const kernels = new Set(this.#pending.flatMap((it) => ('kernel' in it ? [it.kernel] : [])))
    // Copies need no objects of the GPU's, so nothing can go wrong with them.
    if (kernels.size === 0) return this.#record(label)
    await gpu.guard(Promise.all([...kernels].map((kernel) => kernel.ready)))
    return gpu.scoped(label, () => this.#record(label))
  }

  #record(label: string): Recording {
    const { gpu } = this
    const params = this.#paramsEnd > 0 ? gpu.uniforms(`${label}.params`, this.#params, this.#paramsEnd) : undefined
    const steps = this.#pending.map((it): Dispatch | Copy => {
      if (!('kernel' in it)) return it
      const { kernel, parts, uniforms, workgroups } = it
      const resource = (name: string, type: string): GPUBufferBinding => {
        if (type === 'uniform') {
          const fields = name === 'grid' ? 3 : kernel.shader.params.length
          return { buffer: params!, offset: uniforms[name]!, size: uniformBytes(fields) }
        }
        const { tensor, offset, bytes } = parts[name] ?? partOf(gpu.zeros)
        return { buffer: tensor.buffer, offset, ...(bytes && { size: bytes }) }
      }
      const entries = kernel.shader.bindings.map(({ name, index, type }) => ({
        binding: index,
        resource: resource(name, type),
      }))
      const bindGroup = gpu.device.createBindGroup({ label: kernel.shader.name, layout: kernel.layout, entries })
      return { kernel, bindGroup, workgroups }
    })
    return { steps, dispose: () => params?.destroy() }
  }
}

/** Bytes of so many uniform fields, rounded up to 16. */
const uniformBytes = (fields: number): number => Math.ceil((fields * 4) / 16) * 16

function checkNames(shader: string, what: string, given: string[], declared: string[]): void {
  const unknown = given.filter((name) => !declared.includes(name))
  const missing = declared.filter((name) => !given.includes(name))
  if (unknown.length > 0) throw new GpuError(`${shader}: there is no ${what} ${unknown.join(', ')}`)
  if (missing.length > 0) throw new GpuError(`${shader}: ${what} ${missing.join(', ')} is missing`)
}
