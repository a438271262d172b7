import * as assert from 'uvu/assert'
import { GpuError } from '../../src/errors.js'
import { Profiler } from '../../src/gpu/profiler.js'
import { Recorder } from '../../src/gpu/recorder.js'
import { layerNorm } from '../../src/ops/layer-norm.js'
import { assertClose, gpuSuite, randomTensor, runOnce } from '../gpu.js'

gpuSuite('profiler', (test) => {
  test('times each kernel, and computes and copies what a submit does', async (gpu) => {
    if (!Profiler.supports(gpu)) return console.log(`skipped: ${gpu.adapter.name} has no timestamps`)
    const [x, weight, bias] = [[300, 64], [64], [64]].map((shape, i) => randomTensor(gpu, 'x', shape, i + 1).tensor)
    const [expected, out, copy] = ['expected', 'out', 'copy'].map((label) => gpu.tensor(label, [300, 64]))
    const norm = { x: x!, weight: weight!, bias: bias! }
    await runOnce(gpu, (recorder) => layerNorm(recorder, { ...norm, out: expected! }, 300))

    const profiler = new Profiler(gpu)
    const recorder = new Recorder(gpu)
    // More dispatches than there is room for in one submission.
    for (let i = 0; i < 2500; i++) layerNorm(recorder, { ...norm, out: out! }, i < 2499 ? 1 : 300)
    recorder.copy(out!, copy!, 300 * 64)
    const recording = await recorder.finish()
    const times = await profiler.submit([recording])
    assert.equal(
      times.map(({ kernel, dispatches }) => [kernel, dispatches]),
      [['layer-norm', 2500]],
    )
    assert.ok(times[0]!.ms > 0 && Number.isFinite(times[0]!.ms), `${times[0]!.ms} ms`)
    assertClose(await gpu.readF32(copy!), await gpu.readF32(expected!), 0, 0)
    assert.equal(await profiler.submit([]), [])
    recording.dispose()
    profiler.dispose()
    gpu.free(...[x, weight, bias, expected, out, copy].map((it) => it!))
  })
})

gpuSuite(
  'profiler without timestamps',
  (test) => {
    test('says so', (gpu) => {
      assert.not(Profiler.supports(gpu))
      assert.throws(
        () => new Profiler(gpu),
        (error: Error) => error instanceof GpuError && /no timestamps/.test(error.message),
      )
    })
  },
  { without: ['timestamp-query'] },
)
