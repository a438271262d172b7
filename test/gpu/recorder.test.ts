import * as assert from 'uvu/assert'
import { GpuError, ShapeError } from '../../src/errors.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import { type OnKernel, Recorder, type Recording, runEachKernel } from '../../src/gpu/recorder.js'
import { matmul, matmulVariants } from '../../src/ops/matmul.js'
import { gpuSuite, runOnce } from '../gpu.js'

const params = { d: 2, source_rows: 2, target_rows: 2 }

function tensors(gpu: Gpu) {
  const source = gpu.tensorFrom('source', [2, 2], Float32Array.of(1, 2, 3, 4))
  const from_row = gpu.tensorFrom('from', [2], Uint32Array.of(1, 0))
  return { source, from_row, to_row: undefined, out: gpu.tensor('target', [2, 2]) }
}

const throwsLike = (work: () => void, kind: typeof GpuError | typeof ShapeError, message: RegExp) =>
  assert.throws(work, (error: Error) => error instanceof kind && message.test(error.message))

gpuSuite('gpu/recorder', (test) => {
  test('names what is missing, unknown or bound twice', (gpu) => {
    const recorder = new Recorder(gpu)
    const kernel = gpu.kernel('copy-rows')
    const all = tensors(gpu)
    const { source, ...rest } = all
    const { d: _, ...fewer } = params
    throwsLike(() => recorder.dispatch(kernel, rest, params, [1]), GpuError, /^copy-rows: binding source is missing$/)
    throwsLike(() => recorder.dispatch(kernel, { ...all, x: source }, params, [1]), GpuError, /no binding x$/)
    throwsLike(() => recorder.dispatch(kernel, all, fewer, [1]), GpuError, /^copy-rows: parameter d is missing$/)
    throwsLike(() => recorder.dispatch(kernel, all, { ...params, e: 1 }, [1]), GpuError, /no parameter e$/)
    throwsLike(
      () => recorder.dispatch(kernel, { ...all, out: undefined }, params, [1]),
      GpuError,
      /output out is not bound/,
    )
    throwsLike(
      () => recorder.dispatch(kernel, { ...all, out: source }, params, [1]),
      GpuError,
      /source is bound to out and source/,
    )
    assert.is(recorder.length, 0)
  })

  test('checks the number of workgroups; none records nothing', (gpu) => {
    const recorder = new Recorder(gpu)
    const kernel = gpu.kernel('copy-rows')
    const all = tensors(gpu)
    const tooMany = gpu.limits.maxComputeWorkgroupsPerDimension + 1
    for (const groups of [[tooMany], [1, tooMany], [1.5], [NaN]] as [number, number?][]) {
      throwsLike(() => recorder.dispatch(kernel, all, params, groups), ShapeError, /^copy-rows: .* workgroups, at most/)
    }
    recorder.dispatch(kernel, all, params, [1, 0])
    assert.is(recorder.length, 0)
  })

  test('a recording is submitted many times, parameters kept apart', async (gpu) => {
    const recorder = new Recorder(gpu)
    const kernel = gpu.kernel('copy-rows', { HAS_FROM: 1 })
    const all = tensors(gpu)
    const others = Array.from({ length: 40 }, () => gpu.tensor('out', [2, 2]))
    // Each writes one element of each row, so that mixed-up parameters would show.
    others.forEach((out, i) => {
      recorder.dispatch(kernel, { ...all, out }, { ...params, target_rows: 1 + (i % 2) }, [1, 2])
    })
    const recording = await recorder.finish()
    for (const scale of [1, 10]) {
      gpu.write(all.source, Float32Array.of(scale, 2 * scale, 3 * scale, 4 * scale))
      gpu.submit([recording])
      for (const [i, out] of others.slice(0, 4).entries()) {
        const expected = i % 2 ? [3, 4, 1, 2] : [3, 4, 0, 0]
        assert.equal(
          [...(await gpu.readF32(out))],
          expected.map((value) => value * scale),
        )
      }
    }
    recording.dispose()
    gpu.free(...others, all.source, all.from_row, all.out)
  })

  test('every kernel of some recordings once, on one workgroup', async (gpu) => {
    const recorder = new Recorder(gpu)
    const all = tensors(gpu)
    const kernels = [gpu.kernel('copy-rows'), gpu.kernel('copy-rows', { HAS_FROM: 1 })] as const
    for (const kernel of [...kernels, kernels[0]]) recorder.dispatch(kernel, all, params, [1, 2])
    recorder.copy(all.source, all.out, 4)
    const recording = await recorder.finish()
    const submitted: Recording[] = []
    const { submit } = gpu
    gpu.submit = (recordings) => {
      submitted.push(...recordings)
      submit.call(gpu, recordings)
    }
    const counts: Parameters<OnKernel>[] = []
    await runEachKernel(gpu, [recording, recording], (...count) => counts.push(count))
    gpu.submit = submit
    const dispatches = submitted.flatMap(({ steps }) => steps).filter((it) => 'kernel' in it)
    assert.equal(dispatches.map((it) => [kernels.indexOf(it.kernel), it.workgroups]).sort(), [
      [0, [1, 1, 1]],
      [1, [1, 1, 1]],
    ])
    assert.equal(counts, [
      [1, 2, 'copy-rows'],
      [2, 2, 'copy-rows'],
    ])
    recording.dispose()
  })

  test('a kernel that deals its work out does every part once, and finds none when it only runs to be compiled', async (gpu) => {
    const [rows, n] = [40, 130]
    const x = gpu.tensorFrom('x', [rows, 4], new Float32Array(rows * 4).fill(1))
    const weight = gpu.tensorFrom('weight', [n, 4], new Float32Array(n * 4).fill(1))
    const [out, other] = [gpu.tensor('out', [rows, n]), gpu.tensor('other', [rows, n])]
    gpu.useVariant(
      'gemm',
      matmulVariants(gpu, { rows, k: 4, dtype: 'f32' }).find((it) => it === 'subgroup'),
    )
    const recorder = new Recorder(gpu)
    matmul(recorder, { x, weight, residual: other, out }, rows)
    matmul(recorder, { x, weight, residual: out, out: other }, rows)
    gpu.useVariant('gemm', undefined)
    const recording = await recorder.finish()
    await runEachKernel(gpu, [recording])
    const deals = gpu.adapter.software && gpu.adapter.subgroupSize > 4
    assert.is(
      (await gpu.readF32(out)).every((value) => value === 0),
      deals,
    )
    for (const turn of [1, 2, 3]) {
      gpu.submit([recording])
      assert.ok((await gpu.readF32(other)).every((value) => value === 8 * turn))
      assert.equal([...(await gpu.read(gpu.tickets))], [0])
    }
    recording.dispose()
    gpu.free(x, weight, out, other)
  })

  test('copies between tensors; within one, and out of range, is refused', async (gpu) => {
    const a = gpu.tensorFrom('a', [4], Float32Array.of(1, 2, 3, 4))
    const b = gpu.tensor('b', [4])
    const before = gpu.allocatedBytes
    await runOnce(gpu, (recorder) => {
      recorder.copy(a, b, 2, 1, 2)
      recorder.copy(a, b, 0, 4, 4)
    })
    assert.equal([...(await gpu.readF32(b))], [0, 0, 2, 3])
    assert.is(gpu.allocatedBytes, before)
    const recorder = new Recorder(gpu)
    throwsLike(() => recorder.copy(a, a, 1, 0, 1), GpuError, /^copy within a: it goes by another tensor$/)
    throwsLike(() => recorder.copy(a, b, 3, 2), GpuError, /^copy of 3 elements from a to b is out of range$/)
    throwsLike(() => recorder.copy(a, b, 3, 0, 2), GpuError, /out of range/)
    gpu.free(a, b)
  })
})
