import { DeviceLostError, DisposedError, GpuError, OutOfMemoryError } from '../errors.js'
import type { AdapterInfo } from './adapter-info.js'
import { type Kernel, KernelCache } from './kernel.js'
import type { Platform } from './platform.js'
import { encodeCopy, encodeDispatch, type Recording } from './recording.js'
import type { Constants } from './shader.js'
import type { OpShape } from './shape-class.js'
import {
  type DType,
  dtypeBytes,
  rowStride,
  rowsPerPart,
  sizeOf,
  type Tensor,
  type WeightDtype,
  weightDtypes,
} from './tensor.js'
import { usage } from './usage.js'
import { Variants } from './variants.js'

/** Features used where the adapter has them. */
const wantedFeatures: GPUFeatureName[] = ['subgroups', 'timestamp-query']

/** Limits raised from WebGPU's defaults to what the adapter allows. */
const wantedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const

/** Milliseconds of a rest while waiting: until most of what such a wait takes is over, then a small part of what was waited for so far. */
const [shortestRestMs, longestRestMs] = [0.1, 1]
/** Turns of the event loop after which a destroyed device owes nothing: two were seen, the second for work begun in the first. */
const settlingTurns = 4

const openDevices = new Set<Gpu>()

/** Disposes every device of this process: before `process.exit()`, at which a driver that still works may crash. */
export async function disposeDevices(): Promise<void> {
  await Promise.all(Array.from(openDevices, (gpu) => gpu.dispose()))
}

/** How to open a device. */
export interface GpuOptions {
  /** Features to leave unused though the adapter has them: for tests of the paths without. */
  readonly without?: readonly GPUFeatureName[]
  /** How workgroups come by their work: `parts.*.wgsl`. Default: `dealt` on software with subgroups of over four lanes. */
  readonly parts?: 'grid' | 'dealt'
  /** Bytes to bind at a time, at most, where the adapter allows more: for tests of matrices in parts. */
  readonly maxBindingBytes?: number
}

/**
 * One GPU device: buffers, kernels, submission, and the errors that come back from all three.
 *
 * Every await on the GPU goes through {@link guard}, so a lost device, an uncaptured error or a disposal rejects whatever
 * was pending with a typed error.
 */
export class Gpu {
  readonly features: ReadonlySet<string>
  readonly limits: GPUSupportedLimits
  /** Bytes that a shader may be given at a time. */
  readonly maxBindingBytes: number
  /** A few zeros, bound where an optional input is left out. */
  readonly zeros: Tensor
  /** What the workgroups of `parts.dealt.wgsl` draw from: 0 between dispatches. */
  readonly tickets: Tensor
  readonly variants = new Variants()
  readonly #kernels: KernelCache
  readonly #ended: Promise<never>
  /** Rejects what waits for the GPU; a race with {@link #ended} would hold on to every promise that ever raced. */
  readonly #waiting = new Set<(error: Error) => void>()
  #end!: (error: Error) => void
  #error: Error | undefined
  /** Buffers of tensors that are not freed. */
  readonly #alive = new Set<GPUBuffer>()
  #allocated = 0
  /** Bytes of all buffers that were ever asked for. */
  #requested = 0
  /** Those made by what {@link scoped} does at the moment. */
  #made: Tensor[] | undefined
  #disposed = false
  #resting = false
  /** Milliseconds of the last two waits. */
  #lastWaits: readonly number[] = [0, 0]
  /** When the newest wait began: where many follow each other, as while loading, rests stay short. */
  #waitingSince = 0

  constructor(
    readonly device: GPUDevice,
    readonly adapter: AdapterInfo,
    readonly platform: Platform,
    { parts, maxBindingBytes = Number.POSITIVE_INFINITY }: Omit<GpuOptions, 'without'> = {},
  ) {
    this.features = device.features
    this.limits = device.limits
    this.maxBindingBytes = Math.min(this.limits.maxStorageBufferBindingSize, maxBindingBytes)
    // Not with four lanes: SwiftShader's compiler took all memory there was for a product in such a loop.
    const few = adapter.software && adapter.subgroupSize > 4 && this.features.has('subgroups')
    const form = parts ?? (few ? 'dealt' : 'grid')
    this.#kernels = new KernelCache(device, platform.shaders, { parts: form, main: form })
    this.#ended = new Promise((_, reject) => {
      this.#end = (error) => {
        this.#error ??= error
        reject(this.#error)
        for (const rejectWaiting of this.#waiting) rejectWaiting(this.#error)
        // What a destroyed device was asked for may never settle.
        this.#waiting.clear()
      }
    })
    this.#ended.catch(() => {})
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault()
      const { error } = event as GPUUncapturedErrorEvent
      this.#end(asTypedError(error, 'an operation on the GPU failed'))
    })
    device.lost.then(({ message }) =>
      this.#end(
        new DeviceLostError(
          `the GPU device was lost (${message || 'no reason given'}); an engine loads its model again at the next call`,
        ),
      ),
    )
    openDevices.add(this)
    this.zeros = this.tensor('zeros', [64])
    this.tickets = this.tensor('tickets', [1], 'u32')
  }

  /** Opens a device on an adapter, with every useful feature and limit it has. */
  static async open(
    adapter: GPUAdapter,
    info: AdapterInfo,
    platform: Platform,
    options: GpuOptions = {},
  ): Promise<Gpu> {
    const requiredFeatures = wantedFeatures.filter((it) => adapter.features.has(it) && !options.without?.includes(it))
    const requiredLimits = Object.fromEntries(wantedLimits.map((limit) => [limit, adapter.limits[limit]]))
    const device = await adapter.requestDevice({ label: 'misc-webgpu', requiredFeatures, requiredLimits })
    return new Gpu(device, info, platform, options)
  }

  /** Bytes of all tensors alive. */
  get allocatedBytes(): number {
    return this.#allocated
  }

  /** Bytes that a tensor may have; a {@link matrix} may be as large as a buffer. */
  get maxTensorBytes(): number {
    return Math.min(this.limits.maxBufferSize, this.maxBindingBytes)
  }

  /** Kernels compiled, or being compiled, so far. */
  get kernelCount(): number {
    return this.#kernels.size
  }

  /** Whether {@link dispose} has completed. */
  get disposed(): boolean {
    return this.#disposed
  }

  /** The kernel variant to use for an op: {@link Variants.choose}. */
  chooseVariant<Name extends string>(op: string, candidates: readonly Name[], shape?: OpShape): Name {
    return this.variants.choose(op, candidates, shape)
  }

  /** Makes {@link chooseVariant} give one variant of an op, or throw where it is no candidate; undefined takes that back. */
  useVariant(op: string, name: string | undefined): void {
    this.variants.name(op, name)
  }

  /** Throws what ended this device, if anything did. */
  check(): void {
    if (this.#error) throw this.#error
  }

  /** The promise's value, unless the device ends first: then that error. */
  async guard<T>(work: Promise<T>): Promise<T> {
    this.check()
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#waiting.add(reject)
        const since = performance.now()
        this.#waitingSince = since
        if (this.adapter.software) void this.#rest()
        work.then(resolve, reject).finally(() => {
          this.#waiting.delete(reject)
          this.#lastWaits = [this.#lastWaits[1]!, performance.now() - since]
        })
      })
    } catch (error) {
      // A map that the loss of the device aborted rejects before the loss itself is reported.
      if ((error as Error)?.name === 'AbortError')
        await Promise.race([this.#ended, new Promise((r) => setTimeout(r, 1000))])
      throw this.#error ?? error
    }
  }

  /**
   * Sleeps through most of every turn of the event loop while the GPU is waited for. The bindings poll Dawn on each turn, so
   * an idle wait keeps a core busy; where a software driver computes on those cores, it would compute half as fast.
   */
  async #rest(): Promise<void> {
    if (this.#resting) return
    this.#resting = true
    await this.platform.rest(0)
    while (this.#waiting.size > 0) {
      const waited = performance.now() - this.#waitingSince
      // Where one thing alone is waited for, as the next id is, it will take about as long as the last ones did.
      const likely = this.#waiting.size === 1 ? 0.75 * Math.min(...this.#lastWaits) - waited : 0
      await this.platform.rest(Math.min(longestRestMs, Math.max(shortestRestMs, waited / 32, likely)))
    }
    this.#resting = false
  }

  /**
   * Does work in error scopes: what it did wrong on the GPU is thrown, with the label, when it ends, and the device lives on.
   *
   * The tensors that it made before its first await are freed if it fails. Work without an await has the scopes to itself.
   * While other work awaits, errors of all that is done beside it are taken for its own: that is for loading.
   *
   * @throws OutOfMemoryError that says how many bytes were asked for, and how many were in use.
   */
  async scoped<T>(label: string, work: () => T | Promise<T>): Promise<T> {
    const filters = ['validation', 'out-of-memory', 'internal'] as const
    for (const filter of filters) this.device.pushErrorScope(filter)
    const [before, held] = [this.#requested, this.#allocated]
    const outer = this.#made
    const made: Tensor[] = []
    this.#made = made
    let outcome: { value: T | Promise<T> } | { error: unknown }
    try {
      outcome = { value: work() }
    } catch (error) {
      outcome = { error }
    } finally {
      this.#made = outer
      outer?.push(...made)
    }
    if ('value' in outcome && outcome.value instanceof Promise) {
      outcome = await outcome.value.then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      )
    }
    const bytes = this.#requested - before
    const scopes = await this.guard(Promise.all(filters.map(() => this.device.popErrorScope())))
    const failure = scopes.find((it) => it !== null)
    if (!failure && 'value' in outcome) return outcome.value
    this.free(...made)
    throw failure ? asTypedError(failure, label, { bytes, held }) : (outcome as { error: unknown }).error
  }

  /** The kernel of `shaders/{name}.wgsl`; its compilation starts on the first call. */
  kernel(name: string, constants?: Constants, entryPoint?: string): Kernel {
    this.check()
    return this.#kernels.get(name, constants, entryPoint)
  }

  /**
   * A new tensor, filled with zeros; of int8 with its scales.
   *
   * @throws OutOfMemoryError where the adapter cannot bind so large a buffer.
   */
  tensor(label: string, shape: readonly number[], dtype: DType = 'f32'): Tensor {
    return this.#tensor(label, shape, dtype)
  }

  /**
   * A new matrix of weights [n, k], laid out as this adapter reads it fastest: see {@link Tensor.group}. Where it is larger
   * than a binding may be, it is for ops that read it in parts ({@link rowParts}).
   *
   * @throws OutOfMemoryError where the adapter allows no buffer so large.
   */
  matrix(label: string, shape: readonly [n: number, k: number], dtype: WeightDtype = 'f32'): Tensor {
    const { software, subgroupSize } = this.adapter
    const group = software && subgroupSize === 8 && shape[1] % 4 === 0 ? subgroupSize : undefined
    const rowBytes = rowStride({ shape, dtype, ...(group && { group }) }) * dtypeBytes[dtype]
    return this.#tensor(label, shape, dtype, { group, mostRows: rowsPerPart(rowBytes, this.maxBindingBytes) })
  }

  /** @param mostRows of a matrix: how many rows can be bound at a time, where not all can. */
  #tensor(
    label: string,
    shape: readonly number[],
    dtype: DType,
    { group, mostRows }: { group?: number | undefined; mostRows?: number } = {},
  ): Tensor {
    this.check()
    const bytes = sizeOf(shape) * dtypeBytes[dtype]
    if ((dtype === 'f16' || dtype === 'int8') && (shape.length !== 2 || shape[1]! % 4 !== 0)) {
      throw new GpuError(`${label}: ${dtype} is for matrices with a multiple of 4 columns, not for [${shape}]`)
    }
    const inGroups = (group: number) => Math.ceil(shape[0]! / group) * group * rowStride({ shape, dtype, group })
    const padded = group ? inGroups(group) * dtypeBytes[dtype] : bytes
    const size = Math.max(16, Math.ceil(padded / 16) * 16)
    const limit = mostRows ? this.limits.maxBufferSize : this.maxTensorBytes
    if (size > limit) {
      const smaller = mostRows && weightDtypes.find((it) => (size * dtypeBytes[it]) / dtypeBytes[dtype] <= limit)
      const advice = smaller ? `: load the model as ${smaller}` : ''
      throw new OutOfMemoryError(
        `${label} needs a buffer of ${size} bytes; ${this.adapter.name} allows ${limit}${advice}`,
      )
    }
    const buffer = this.buffer({ label, size, usage: usage.storage | usage.copySrc | usage.copyDst })
    this.#alive.add(buffer)
    this.#allocated += size
    const scale = dtype === 'int8' ? this.tensor(`${label}.scale`, [shape[0]!]) : undefined
    const partRows = size > this.maxTensorBytes ? mostRows : undefined
    const layout = { ...(group && { group }), ...(partRows && { partRows }) }
    const tensor = { label, shape, dtype, bytes, ...layout, ...(scale && { scale }), buffer }
    this.#made?.push(tensor)
    return tensor
  }

  /** A new tensor with these values. */
  tensorFrom(label: string, shape: readonly number[], data: Float32Array | Uint32Array): Tensor {
    const tensor = this.tensor(label, shape, data instanceof Float32Array ? 'f32' : 'u32')
    this.write(tensor, data)
    return tensor
  }

  /** Copies values into a tensor, from element `start` on. */
  write(tensor: Tensor, data: Float32Array | Uint32Array | Uint16Array | Int8Array, start = 0): void {
    this.check()
    const elementBytes = dtypeBytes[tensor.dtype]
    const bytes = tensor.group ? tensor.buffer.size : tensor.bytes
    if (data.BYTES_PER_ELEMENT !== elementBytes || start * elementBytes + data.byteLength > bytes) {
      const room = `${sizeOf(tensor.shape)} of ${tensor.dtype}`
      throw new GpuError(`${tensor.label}: ${data.length} elements at ${start} do not fit in ${room}`)
    }
    this.device.queue.writeBuffer(tensor.buffer, start * elementBytes, data as Float32Array<ArrayBuffer>)
  }

  /** Whether a tensor was not freed: {@link scoped} frees those of work that failed. */
  holds(tensor: Tensor): boolean {
    return this.#alive.has(tensor.buffer)
  }

  /** Frees a tensor's buffer, and that of its scales, unless that is done. Work submitted before still completes. */
  free(...tensors: readonly Tensor[]): void {
    for (const tensor of tensors) {
      if (!this.#alive.delete(tensor.buffer)) continue
      tensor.buffer.destroy()
      this.#allocated -= tensor.buffer.size
      if (tensor.scale) this.free(tensor.scale)
    }
  }

  /** @internal */
  buffer(descriptor: GPUBufferDescriptor): GPUBuffer {
    this.#requested += descriptor.size
    return this.device.createBuffer(descriptor)
  }

  /** @internal A uniform buffer with these bytes. */
  uniforms(label: string, data: DataView, bytes: number): GPUBuffer {
    const buffer = this.buffer({ label, size: bytes, usage: usage.uniform | usage.copyDst })
    this.device.queue.writeBuffer(buffer, 0, data.buffer as ArrayBuffer, 0, bytes)
    return buffer
  }

  /** @internal A mapped buffer to copy from. */
  stagingBuffer(label: string, bytes: number): GPUBuffer {
    return this.buffer({
      label,
      size: bytes,
      usage: usage.mapWrite | usage.copySrc,
      mappedAtCreation: true,
    })
  }

  /**
   * Submits recordings, in order, as one command buffer.
   *
   * @param readbacks copied after them, to be read by {@link Readback.read}.
   */
  submit(recordings: readonly Recording[], readbacks: readonly Readback[] = []): void {
    this.check()
    const encoder = this.device.createCommandEncoder({ label: 'submit' })
    let pass: GPUComputePassEncoder | undefined
    for (const { steps } of recordings) {
      for (const step of steps) {
        if ('kernel' in step) {
          pass ??= encoder.beginComputePass({ label: 'submit' })
          encodeDispatch(pass, step)
        } else {
          // Copies stand between passes.
          pass?.end()
          pass = undefined
          encodeCopy(encoder, step)
        }
      }
    }
    pass?.end()
    for (const readback of readbacks) readback.encode(encoder)
    this.device.queue.submit([encoder.finish()])
  }

  /** Resolves when all that was submitted is done. */
  async idle(): Promise<void> {
    await this.guard(this.device.queue.onSubmittedWorkDone())
  }

  /** A place to read a tensor back to, over and over. */
  readback(tensor: Tensor): Readback {
    return new Readback(this, tensor)
  }

  /**
   * Reads a tensor's values, once.
   *
   * @throws OutOfMemoryError
   */
  async read(tensor: Tensor): Promise<Float32Array | Uint32Array> {
    const readback = await this.scoped(`reading ${tensor.label}`, () => {
      const copy = this.readback(tensor)
      this.submit([], [copy])
      return copy
    })
    try {
      return await readback.read()
    } finally {
      readback.dispose()
    }
  }

  /** Reads an f32 tensor's values, once. */
  async readF32(tensor: Tensor): Promise<Float32Array> {
    return (await this.read(tensor)) as Float32Array
  }

  /**
   * Destroys the device; what was pending rejects with {@link DisposedError}. Other devices are left whole, and the thread may
   * end in whatever way once this has resolved.
   */
  async dispose(): Promise<void> {
    openDevices.delete(this)
    this.#end(new DisposedError('the engine was disposed: load it again to use it'))
    this.device.destroy()
    await this.device.lost
    // The promises of the bindings settle in the turns after. Were one left when a worker thread ends, they would abort.
    for (let turn = 0; turn < settlingTurns; turn++) await this.platform.rest(0)
    this.#disposed = true
  }
}

/** A buffer that a tensor is copied to and mapped from, made once and used for every step. */
export class Readback {
  readonly #buffer: GPUBuffer

  constructor(
    readonly gpu: Gpu,
    readonly tensor: Tensor,
  ) {
    const size = tensor.buffer.size
    this.#buffer = gpu.buffer({ label: `${tensor.label}.readback`, size, usage: usage.mapRead | usage.copyDst })
  }

  /** @internal */
  encode(encoder: GPUCommandEncoder): void {
    encoder.copyBufferToBuffer(this.tensor.buffer, 0, this.#buffer, 0, this.tensor.buffer.size)
  }

  /** A copy of the values that the last submit with this readback produced; of packed elements, their words. */
  async read(): Promise<Float32Array | Uint32Array> {
    await this.gpu.guard(this.#buffer.mapAsync(1))
    // The mapped memory dies at unmap, so the values are copied out.
    const bytes = this.#buffer.getMappedRange(0, Math.max(8, Math.ceil(this.tensor.bytes / 8) * 8)).slice(0)
    this.#buffer.unmap()
    const View = this.tensor.dtype === 'f32' ? Float32Array : Uint32Array
    return new View(bytes, 0, this.tensor.bytes / 4)
  }

  dispose(): void {
    this.#buffer.destroy()
  }
}

/** @param asked bytes that were asked for beside those in use, where that is known. */
function asTypedError(
  error: GPUError,
  label: string,
  asked?: { readonly bytes: number; readonly held: number },
): Error {
  const kind = (error as { constructor: { name: string } }).constructor.name
  if (kind === 'GPUOutOfMemoryError') {
    const sizes = asked ? `, ${asked.bytes} bytes were asked for beside the ${asked.held} of tensors in use` : ''
    return new OutOfMemoryError(
      `${label}: the GPU is out of memory${sizes} (${error.message}): use a smaller model or batch`,
    )
  }
  return new GpuError(`${label}: ${error.message}`)
}
