import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Gpu, type GpuOptions } from '../src/gpu/gpu.js'
import { Recorder } from '../src/gpu/recorder.js'
import type { Tensor, WeightDtype } from '../src/gpu/tensor.js'
import { Variants } from '../src/gpu/variants.js'
import { writeWeights } from '../src/gpu/weight-format.js'
import { f16ToF32, f32ToF16 } from '../src/io/half.js'
import { quantizeRows } from '../src/io/quantize.js'
import { listAdapters } from '../src/platform/node/adapter.js'
import { openGpu } from '../src/platform/node/open-gpu.js'

/** Adapters that the tests run on: all there are, or those that MISC_TEST_ADAPTERS names, comma-separated. */
export const testAdapters: string[] = await (async () => {
  const wanted = process.env.MISC_TEST_ADAPTERS?.toLowerCase().split(',')
  const names = (await listAdapters()).map((it) => it.name)
  const chosen = names.filter((name) => !wanted || wanted.some((word) => name.toLowerCase().includes(word)))
  if (chosen.length === 0) throw new Error(`no adapter to test on: there is ${names.join(', ') || 'none'}`)
  return chosen
})()

/** Adapters on which `parts: 'grid'` is not what they do anyway: llvmpipe, which else deals work out. */
const dealingAdapters = testAdapters.filter((it) => /llvmpipe/i.test(it))

/** A test of a {@link gpuSuite}: it gets the device of its adapter. */
export type GpuTest = (name: string, body: (gpu: Gpu) => void | Promise<void>) => void

/** Devices by adapter and options: a suite finds the kernels compiled that those before it needed. */
const shared = new Map<string, Promise<Gpu>>()
const keyOf = (adapter: string, options: GpuOptions) => JSON.stringify([adapter, options])

/** The device that the suites of this process share; nobody disposes it. */
export function sharedGpu(adapter: string, options: GpuOptions = {}): Promise<Gpu> {
  const key = keyOf(adapter, options)
  const gpu = shared.get(key) ?? openShared(adapter, options)
  shared.set(key, gpu)
  return gpu
}

/** Where bindings are small the kernels are the same: the device is that of the others, which has them compiled. */
async function openShared(adapter: string, options: GpuOptions): Promise<Gpu> {
  const { maxBindingBytes, ...others } = options
  if (!maxBindingBytes) return openGpu({ ...options, adapter })
  const gpu = await sharedGpu(adapter, others)
  return new Gpu(gpu.device, gpu.adapter, gpu.platform, options)
}

/**
 * Defines one uvu suite per adapter, with a device that all suites of one process share, and kernels chosen anew.
 *
 * @param define called once per adapter, to define the tests.
 */
export function gpuSuite(
  name: string,
  define: (test: GpuTest) => void,
  options: GpuOptions = {},
  adapters: readonly string[] = options.parts === 'grid' ? dealingAdapters : testAdapters,
): void {
  for (const adapter of adapters) {
    const tests = suite(`${name} on ${adapter}`)
    let gpu: Gpu
    tests.before(async () => {
      gpu = await sharedGpu(adapter, options)
      Object.assign(gpu, { variants: new Variants() })
    })
    tests.after(() => {
      try {
        gpu.check()
      } catch {
        shared.delete(keyOf(adapter, options))
      }
    })
    define((title, body) =>
      tests(title, async () => {
        await body(gpu)
        gpu.check()
      }))
    tests.run()
  }
}

/**
 * Where whole models are run: on the first adapter alone. Kernels are tested on every other, and `.ci/run` tests the models there
 * too, naming it with MISC_TEST_ADAPTERS.
 */
export const modelAdapters: readonly string[] = testAdapters.slice(0, 1)

/** As {@link gpuSuite}, on {@link modelAdapters}. */
export function firstGpuSuite(name: string, define: (test: GpuTest) => void): void {
  gpuSuite(name, define, {}, modelAdapters)
}

/**
 * As {@link firstGpuSuite}, on a device of its own: for tests that count what a device is asked for, as engines of other tests may
 * give back their memory meanwhile.
 */
export function ownGpuSuite(name: string, define: (test: GpuTest) => void): void {
  // Devices are shared by their options, and no others leave out no feature.
  gpuSuite(name, define, { without: [] }, modelAdapters)
}

/** Records with `record`, submits once and waits. */
export async function runOnce(gpu: Gpu, record: (recorder: Recorder) => void): Promise<void> {
  const recorder = new Recorder(gpu)
  record(recorder)
  const recording = await recorder.finish()
  gpu.submit([recording])
  await gpu.idle()
  recording.dispose()
}

/** Does the work with one kernel of an op; where it is no candidate of the device, says so and does nothing. */
export async function withVariant(
  gpu: Gpu,
  op: string,
  variant: string,
  candidates: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  if (!candidates.includes(variant)) {
    process.stderr.write(`skipped, ${gpu.adapter.name} has no ${op} of the kind ${variant}\n`)
    return
  }
  gpu.useVariant(op, variant)
  try {
    await work()
  } finally {
    gpu.useVariant(op, undefined)
  }
}

/**
 * Lets a device have no memory for one buffer: that which is asked for after so many others.
 *
 * @returns to be called in the end: whether that buffer was asked for.
 */
export function exhaust({ device }: Gpu, buffers = 0): () => boolean {
  let left = buffers
  const create = device.createBuffer
  device.createBuffer = (descriptor) => {
    if (left-- !== 0) return create.call(device, descriptor)
    // No more than a buffer that is none, and the error that Dawn has for it: a texture as large as that.
    device.pushErrorScope('validation')
    const none = create.call(device, { ...descriptor, size: 2 ** 50 })
    void device.popErrorScope()
    Object.defineProperty(none, 'size', { value: descriptor.size })
    const { maxTextureDimension2D: edge, maxTextureArrayLayers: layers } = device.limits
    device.createTexture({ size: [edge, edge, layers], format: 'rgba32float', usage: 1 })
    return none
  }
  return () => {
    delete (device as unknown as Record<string, unknown>).createBuffer
    return left < 0
  }
}

/** Numbers in [-1, 1), the same for the same seed. */
export function randomValues(count: number, seed = 1): Float32Array {
  const random = seededRandom(seed)
  // By hand: Float32Array.from takes ten times as long.
  const values = new Float32Array(count)
  for (let i = 0; i < count; i++) values[i] = random() * 2 - 1
  return values
}

/** Mulberry32: uniform numbers in [0, 1), the same for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A tensor of random values in [-1, 1), with the values themselves. */
export function randomTensor(
  gpu: Gpu,
  label: string,
  shape: number[],
  seed = 1,
): { tensor: Tensor; values: Float32Array } {
  const values = randomValues(
    shape.reduce((a, b) => a * b, 1),
    seed,
  )
  return { tensor: gpu.tensorFrom(label, shape, values), values }
}

/**
 * A matrix of random values in [-1, 1) in any weight dtype, with the values that it then holds; as the adapter's products
 * like it best, or row after row.
 */
export function randomMatrix(
  gpu: Gpu,
  label: string,
  shape: readonly [rows: number, columns: number],
  seed = 1,
  dtype: WeightDtype = 'f32',
  make: 'matrix' | 'tensor' = 'matrix',
): { tensor: Tensor; values: Float32Array } {
  const values = randomValues(shape[0] * shape[1], seed)
  const tensor = gpu[make](label, shape, dtype)
  writeWeights(gpu, tensor, values)
  return { tensor, values: storedValues(values, shape[1], dtype) }
}

/** What is left of values in a weight dtype. */
export function storedValues(values: Float32Array, columns: number, dtype: WeightDtype): Float32Array {
  const stored = Float32Array.from(values)
  if (dtype === 'f16') {
    const halves = new Uint16Array(values.length)
    f32ToF16(values, halves)
    f16ToF32(halves, stored)
  }
  if (dtype === 'int8') {
    const integers = new Int8Array(values.length)
    const scales = new Float32Array(values.length / columns)
    quantizeRows(values, columns, integers, scales)
    integers.forEach((integer, i) => {
      stored[i] = integer * scales[Math.floor(i / columns)]!
    })
  }
  return stored
}

/**
 * Asserts |actual − expected| ≤ atol + rtol·|expected| for every element; a failure names up to ten of them.
 */
export function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, atol = 1e-5, rtol = 1e-5): void {
  assert.is(actual.length, expected.length, 'lengths differ')
  const off: string[] = []
  for (let i = 0; i < expected.length && off.length < 10; i++) {
    const [a, e] = [actual[i]!, expected[i]!]
    // Written so that a NaN on either side fails.
    if (!(Math.abs(a - e) <= atol + rtol * Math.abs(e)) && a !== e) off.push(`[${i}] ${a}, expected ${e}`)
  }
  assert.ok(off.length === 0, `beyond ${atol} + ${rtol}·|expected|: ${off.join('; ')}`)
}
