import { spawnSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DeviceLostError, DisposedError, GpuError, OutOfMemoryError } from '../../src/errors.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import { Recorder } from '../../src/gpu/recorder.js'
import { rowParts, type Tensor } from '../../src/gpu/tensor.js'
import { copyRows } from '../../src/ops/copy-rows.js'
import { openGpu } from '../../src/platform/node/open-gpu.js'
import { exhaust, gpuSuite, runOnce, testAdapters } from '../gpu.js'
import { tempFolder } from '../temp.js'

/** The error that a promise rejects with. */
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

/** Copies four values through a kernel. */
async function works(gpu: Gpu): Promise<void> {
  const source = gpu.tensorFrom('source', [2, 2], Float32Array.of(1, 2, 3, 4))
  const from = gpu.tensorFrom('from', [2], Uint32Array.of(1, 0))
  const target = gpu.tensor('target', [2, 2])
  await runOnce(gpu, (recorder) => copyRows(recorder, { source, from, target }, 2))
  assert.equal([...(await gpu.readF32(target))], [3, 4, 1, 2])
  gpu.free(source, from, target)
}

gpuSuite('gpu/gpu', (test) => {
  test('tensors start as zeros and keep what is written, whatever their size', async (gpu) => {
    const before = gpu.allocatedBytes
    for (const shape of [[0], [1], [3], [5, 7], [2, 0]]) {
      const tensor = gpu.tensor('t', shape)
      const size = shape.reduce((a, b) => a * b, 1)
      assert.equal([...(await gpu.readF32(tensor))], Array(size).fill(0))
      const values = Float32Array.from({ length: size }, (_, i) => i + 0.5)
      gpu.write(tensor, values)
      assert.equal(await gpu.readF32(tensor), values)
      gpu.free(tensor)
    }
    const ids = gpu.tensorFrom('ids', [3], Uint32Array.of(7, 8, 9))
    gpu.write(ids, Uint32Array.of(2 ** 32 - 1), 1)
    assert.equal(await gpu.read(ids), Uint32Array.of(7, 2 ** 32 - 1, 9))
    gpu.free(ids)
    assert.is(gpu.allocatedBytes, before)
  })

  test('asks for the features that kernels and profiler use, and for no other', (gpu) => {
    // Dawn adds one to every device.
    const asked = [...gpu.features].filter((it) => it !== 'core-features-and-limits')
    assert.equal(
      asked.filter((it) => it !== 'subgroups' && it !== 'timestamp-query'),
      [],
    )
  })

  test('refuses what does not fit', (gpu) => {
    const tensor = gpu.tensor('small', [4])
    assert.throws(
      () => gpu.write(tensor, new Float32Array(2), 3),
      (error: Error) =>
        error instanceof GpuError && /^small: 2 elements at 3 do not fit in 4 of f32$/.test(error.message),
    )
    assert.throws(
      () => gpu.tensor('huge', [2 ** 20, 2 ** 20]),
      (error: Error) =>
        error instanceof OutOfMemoryError && /^huge needs a buffer of \d+ bytes; .* allows \d+$/.test(error.message),
    )
    gpu.free(tensor)
  })

  test('a matrix larger than a binding is read in parts', (gpu) => {
    const most = gpu.maxTensorBytes
    const [n, k] = [Math.floor(most / 4096) + 100, 1024]
    if (n * k * 4 > gpu.limits.maxBufferSize) {
      const refused = (error: unknown) => error instanceof OutOfMemoryError
      assert.throws(() => gpu.matrix('huge', [n, k]), refused)
      return
    }
    const matrix = gpu.matrix('large', [n, k])
    const parts = rowParts(matrix)
    assert.is(parts.length, 2)
    let end = 0
    for (const { first, rows, elements } of parts) {
      assert.is(first, end)
      end += rows
      assert.is(elements.offset, first * k * 4)
      assert.is(elements.offset % 256, 0)
      assert.ok((elements.bytes ?? matrix.buffer.size - elements.offset) <= most)
    }
    assert.is(end, n)
    assert.throws(
      () => gpu.tensor('large', [n, k]),
      (error: unknown) => error instanceof OutOfMemoryError,
    )
    const kernel = gpu.kernel('gemm.ragged', { HAS_SCALE: 0 })
    const others = { x: gpu.zeros, bias: undefined, residual: undefined, scale: undefined, out: gpu.tensor('out', [n]) }
    const params = {
      rows: 1,
      k,
      n,
      width: n,
      group_rows: 0,
      bias_stride: 0,
      bias_first: 0,
      has_residual: 0,
      activation: 0,
      table_columns: 1,
    }
    assert.throws(
      () => new Recorder(gpu).dispatch(kernel, { ...others, weight: matrix }, params, [1]),
      (error: Error) =>
        error instanceof GpuError && /large does not fit in weight, which has room for \d+ bytes/.test(error.message),
    )
    gpu.free(matrix, others.out)
  })

  test('a matrix larger than a buffer is refused, and told in which format it is not', (gpu) => {
    const rows = Math.floor(gpu.limits.maxBufferSize / 4096) + 8
    assert.throws(
      () => gpu.matrix('huge', [rows, 1024]),
      (error: Error) =>
        error instanceof OutOfMemoryError &&
        /^huge needs a buffer of \d+ bytes; .* allows \d+: load the model as f16$/.test(error.message),
    )
  })

  test('a readback is used again and again', async (gpu) => {
    const tensor = gpu.tensor('t', [5])
    const readback = gpu.readback(tensor)
    for (let step = 1; step <= 20; step++) {
      gpu.write(tensor, new Float32Array(5).fill(step))
      gpu.submit([], [readback])
      assert.equal(await readback.read(), new Float32Array(5).fill(step))
    }
    readback.dispose()
    gpu.free(tensor)
  })

  test('waiting for a software adapter leaves its cores to it', async (gpu) => {
    if (!gpu.adapter.software) return
    let [turns, waiting] = [0, true]
    const count = () => {
      turns++
      if (waiting) setImmediate(count)
    }
    setImmediate(count)
    await gpu.guard(new Promise((resolve) => setTimeout(resolve, 60)))
    waiting = false
    // At most one turn a tenth of a millisecond; a loop that does not rest turns a hundred times as often.
    assert.ok(turns < 700, `${turns} turns in 60 ms`)
  })

  test('scoped work throws what it did wrong on the GPU, and the device lives on', async (gpu) => {
    const wrong = () => gpu.scoped('weights', async () => gpu.device.createBuffer({ size: 16, usage: 0x1 | 0x80 }))
    const error = await rejection(wrong())
    assert.instance(error, GpuError)
    assert.match((error as Error).message, /^weights: /)
    assert.is(await gpu.scoped('weights', async () => 5), 5)
    assert.is(await rejection(gpu.scoped('w', () => Promise.reject('mine'))), 'mine')
    await works(gpu)
  })

  test('no memory: what was made for the same work is freed, and the error says how much was asked for', async (gpu) => {
    const before = gpu.allocatedBytes
    const more = exhaust(gpu, 1)
    const asked = gpu.scoped('two of them', () => [gpu.tensor('a', [100]), gpu.tensor('b', [50])])
    assert.ok(more())
    // What is made beside it is no part of it.
    const other = await gpu.scoped('another', () => gpu.tensor('c', [4]))
    const error = await rejection(asked)
    assert.instance(error, OutOfMemoryError)
    assert.match(
      (error as Error).message,
      new RegExp(
        `^two of them: the GPU is out of memory, 608 bytes were asked for beside the ${before} of tensors in use \\(`,
      ),
    )
    assert.is(gpu.allocatedBytes, before + 16)
    assert.ok(gpu.holds(other))
    gpu.free(other)
    gpu.free(other)
    assert.is(gpu.allocatedBytes, before)
    await works(gpu)
  })

  test('no memory to read a tensor back: the device lives on', async (gpu) => {
    const tensor = gpu.tensorFrom('t', [2], Float32Array.of(1, 2))
    const more = exhaust(gpu)
    const reading = rejection(gpu.read(tensor))
    assert.ok(more())
    assert.match(String(await reading), /OutOfMemoryError: reading t: .* 16 bytes were asked for/)
    assert.equal([...(await gpu.read(tensor))], [1, 2])
    gpu.free(tensor)
  })
})

for (const adapter of testAdapters) {
  const devices = suite(`gpu/gpu: devices on ${adapter}`)

  devices('two side by side: disposing one leaves the other whole', async () => {
    const [one, other] = await Promise.all([openGpu({ adapter }), openGpu({ adapter })])
    await Promise.all([works(one), works(other)])
    await one.dispose()
    assert.ok(one.disposed)
    await works(other)
    other.check()
    await other.dispose()
  })

  devices('dispose rejects what is pending, and what comes after', async () => {
    const gpu = await openGpu({ adapter })
    const tensor = gpu.tensor('t', [1 << 20])
    const pending = [gpu.read(tensor), gpu.idle()].map(rejection)
    await gpu.dispose()
    for (const error of await Promise.all(pending)) assert.instance(error, DisposedError)
    assert.throws(
      () => gpu.tensor('t', [1]),
      (error: unknown) => error instanceof DisposedError,
    )
    assert.throws(
      () => gpu.submit([]),
      (error: unknown) => error instanceof DisposedError,
    )
    assert.instance(await rejection(gpu.idle()), DisposedError)
    await gpu.dispose()
  })

  devices('a lost device rejects what is pending; a new one opens', async () => {
    const gpu = await openGpu({ adapter })
    const tensor: Tensor = gpu.tensor('t', [1 << 20])
    const pending = rejection(gpu.read(tensor))
    gpu.device.destroy()
    assert.instance(await pending, DeviceLostError)
    assert.match(
      String(await rejection(gpu.idle())),
      /the GPU device was lost .*; an engine loads its model again at the next call/,
    )
    assert.throws(
      () => gpu.check(),
      (error: unknown) => error instanceof DeviceLostError,
    )
    const next = await openGpu({ adapter })
    await works(next)
    await Promise.all([gpu.dispose(), next.dispose()])
  })

  devices('an error that no scope caught ends the device with a GpuError', async () => {
    const gpu = await openGpu({ adapter })
    const endless = rejection(gpu.guard(new Promise(() => {})))
    gpu.device.createBuffer({ size: 16, usage: 0x1 | 0x80 })
    const error = await endless
    assert.instance(error, GpuError)
    assert.throws(
      () => gpu.check(),
      (thrown: unknown) => thrown === error,
    )
    await gpu.dispose()
  })

  devices('a process that disposed ends by itself, and printed nothing', () => {
    const { status, stdout } = run(`
      const gpu = await openGpu({ adapter: ${JSON.stringify(adapter)} })
      gpu.read(gpu.tensor('t', [1 << 20])).catch(() => {})
      await gpu.dispose()`)
    assert.equal({ status, stdout }, { status: 0, stdout: '' })
  })

  devices.run()
}

const together = suite('gpu/gpu: all adapters at once')
together('each works beside the others', async () => {
  const gpus = await Promise.all(testAdapters.map((adapter) => openGpu({ adapter })))
  assert.equal(
    gpus.map((gpu) => gpu.adapter.name),
    testAdapters,
  )
  await Promise.all(gpus.map(works))
  await Promise.all(gpus.map((gpu) => gpu.dispose()))
})
together.run()

/** Runs a few lines that use Gpu in a process of their own. */
function run(lines: string) {
  const source = `import { openGpu } from ${JSON.stringify(new URL('../../src/platform/node/open-gpu.ts', import.meta.url).href)}\n${lines}`
  const args = ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', source]
  return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000, cwd: tempFolder() })
}
