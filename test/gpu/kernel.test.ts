import * as assert from 'uvu/assert'
import { GpuError } from '../../src/errors.js'
import { Recorder } from '../../src/gpu/recorder.js'
import { openGpu } from '../../src/platform/node/open-gpu.js'
import { gpuSuite } from '../gpu.js'

gpuSuite('gpu/kernel', (test) => {
  test('one kernel per shader and constants', (gpu) => {
    const kernel = gpu.kernel('copy-rows', { HAS_TO: 1, LANES: 64 })
    const count = gpu.kernelCount
    assert.is(gpu.kernel('copy-rows', { LANES: 64, HAS_TO: 1 }), kernel)
    assert.is.not(gpu.kernel('copy-rows', { LANES: 32, HAS_TO: 1 }), kernel)
    assert.is(gpu.kernelCount, count + 1)
  })

  test('a shader that does not compile is shown with file, place and line; the device lives on', async ({
    adapter,
  }) => {
    const gpu = await openGpu({ adapter: adapter.name })
    const kernel = gpu.kernel('copy-rows', { LANES: -1 })
    const error = await kernel.ready.then(
      () => undefined,
      (reason: Error) => reason,
    )
    assert.instance(error, GpuError)
    assert.match(
      error!.message,
      /^shader copy-rows does not compile: copy-rows\.wgsl:\d+:\d+: .*\n {2}const LANES: u32 = -1;\n/,
    )
    await gpu.idle()
    gpu.check()
    const recorder = new Recorder(gpu)
    const [source, from, out] = [gpu.tensor('s', [1, 1]), gpu.tensor('f', [1], 'u32'), gpu.tensor('o', [1, 1])]
    const tensors = { source, from_row: from, to_row: undefined, out }
    recorder.dispatch(kernel, tensors, { d: 1, source_rows: 1, target_rows: 1 }, [1])
    const again = await recorder.finish().catch((reason: Error) => reason)
    assert.is(again, error)
    await gpu.dispose()
  })

  test('a limit that a workgroup breaks is a GpuError too', async ({ adapter }) => {
    const gpu = await openGpu({ adapter: adapter.name })
    const error = await gpu.kernel('copy-rows', { LANES: 100_000 }).ready.catch((reason: Error) => reason)
    assert.instance(error, GpuError)
    assert.match((error as Error).message, /^shader copy-rows does not compile: /)
    gpu.check()
    await gpu.dispose()
  })
})
