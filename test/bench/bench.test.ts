import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { measureCeilings } from '../../src/bench/ceilings.js'
import { kernelsSuite } from '../../src/bench/kernels-suite.js'
import { MiscRig } from '../../src/bench/misc-rig.js'
import { productCases } from '../../src/bench/product-cases.js'
import type { KernelsReport, ScalingReport } from '../../src/bench/report.js'
import { rowCases } from '../../src/bench/row-cases.js'
import { scalingPoints } from '../../src/bench/scaling-suite.js'
import { summarize } from '../../src/bench/statistics.js'
import { describeFolder, openModel } from '../../src/engine/load-model.js'
import { openGpu } from '../../src/platform/node/open-gpu.js'
import { goldenModel } from '../golden.js'
import { gpuSuite, testAdapters } from '../gpu.js'
import { checkPageInBrowser, checkReport, checkSuites, smallWorkload } from './check-suites.js'

const benches = suite('bench/bench')
const model = 'misc-tiny-released'

// test/long runs kernels and scaling whole.
benches(
  'decode, encode, blocks, some kernels and the sizes of scaling: all have the figures that they promise',
  async () => {
    const report = await checkSuites(model, ['decode', 'encode', 'blocks'])
    const gpu = await openGpu({ adapter: testAdapters[0]! })
    const folder = await goldenModel(model)
    const description = await describeFolder(folder)
    const workload = await smallWorkload(model)
    const rig = new MiscRig(gpu, await openModel(gpu, folder, { family: 'misc' }), description, workload)
    const some = [rowCases(rig)[0]!, productCases(rig).at(-1)!]
    const kernels: KernelsReport = await kernelsSuite({ rig, ceilings: report.ceilings, onRun: () => {} }, some)
    rig.dispose()
    await gpu.dispose()
    assert.equal([...new Set(kernels.rows.map((it) => it.op))], ['layer-norm', 'gemv'])
    // A timing of 4 ms at each size, of whatever is done there.
    const ms = summarize([4])
    const scaling: ScalingReport = {
      rows: scalingPoints(description, workload).map(({ grows, at, workload: dialogue }) => ({
        ...{ grows, at },
        ...(grows === 'blocks' && at > 0
          ? { blocks_ms: ms, blocks_per_s: at / 0.004 }
          : { blocks_ms: null, blocks_per_s: null }),
        ...{ encode_ms: dialogue && ms, step_ms: dialogue && ms },
        decode_tokens_per_s: dialogue && dialogue.batch / 0.004,
      })),
    }
    const whole = { ...report, suites: { ...report.suites, kernels, scaling } }
    await checkReport(whole)
    await checkPageInBrowser(whole)
  },
)

benches.run()

gpuSuite('ceilings', (test) => {
  test('are measured, and leave nothing behind', async (gpu) => {
    const before = gpu.allocatedBytes
    const { read_bandwidth: read, fma } = await measureCeilings(gpu, 2 ** 24)
    assert.is(read.bytes, 2 ** 24)
    for (const rate of [read.gb_per_s, fma.gflop_per_s]) assert.ok(Number.isFinite(rate) && rate > 0, `${rate}`)
    assert.is(gpu.allocatedBytes, before)
  })
})
