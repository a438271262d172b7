/**
 * How fast is each matmul kernel? One table for one adapter:
 *
 *     node --import tsx bench/matmul.ts [--adapter NAME] [--runs N]
 *
 * Every kernel is compared with its float64 twin before it is timed. The kernels of a shape take turns, so that what else
 * the machine does falls on all of them; a time is the median over the turns, from submit to completion. CPU ms is what this
 * process spent on all cores: the work itself on a software adapter, and steady on a busy machine. GB/s counts the weight,
 * read once.
 */
import { parseArgs } from 'node:util'
import { Gpu } from '../src/gpu/gpu.js'
import { Recorder } from '../src/gpu/recorder.js'
import { restartWithVulkanLoader } from '../src/gpu/vulkan-loader.js'
import { matmul, matmulOp, matmulVariants } from '../src/ops/matmul.js'
import * as reference from '../test/reference/matmul.js'

const shapes = [
  [256, 512, 2048],
  [200, 512, 1536],
  [1, 512, 54962],
  [1, 512, 512],
  [1, 512, 2048],
  [4, 512, 2048],
  [16, 512, 2048],
] as const

await restartWithVulkanLoader()
const { values: flags } = parseArgs({
  options: { adapter: { type: 'string' }, runs: { type: 'string', default: '9' } },
})
const gpu = await Gpu.open({ adapter: flags.adapter })
console.log(`${gpu.adapter.name}: ${gpu.adapter.driver}`)
console.log('rows × k × n        kernel       median ms     best ms      CPU ms     GFLOP/s        GB/s')

/** Numbers in (-1, 1) without a period that a kernel could profit from. */
const values = (count: number, seed: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * seed + seed))

for (const shape of shapes) {
  const [rows, k, n] = shape
  const x = values(rows * k, 1.7)
  const weight = values(n * k, 2.3)
  const expected = reference.matmul({ x, weight }, shape)
  const tensors = {
    x: gpu.tensorFrom('x', [rows, k], x),
    weight: gpu.tensorFrom('weight', [n, k], weight),
    out: gpu.tensor('out', [rows, n]),
  }
  const op = matmulOp(rows)
  const kernels = []
  for (const variant of matmulVariants(gpu, rows, k)) {
    gpu.useVariant(op, variant)
    const recorder = new Recorder(gpu)
    matmul(recorder, tensors, rows)
    const recording = await recorder.finish()
    const once = async (repeats: number) => {
      const [start, used] = [performance.now(), process.cpuUsage()]
      gpu.submit(Array(repeats).fill(recording))
      await gpu.idle()
      const { user, system } = process.cpuUsage(used)
      return { wall: (performance.now() - start) / repeats, cpu: (user + system) / 1000 / repeats }
    }
    await once(1)
    const out = await gpu.readF32(tensors.out)
    const error = expected.reduce((worst, value, i) => Math.max(worst, Math.abs(value - out[i]!)), 0)
    if (!(error < 1e-3)) throw new Error(`${variant} is off by ${error} at ${shape.join(' × ')}`)
    // Short kernels are repeated in one submit, so that its own cost does not count.
    kernels.push({
      variant,
      once,
      repeats: Math.ceil(10 / (await once(1)).wall),
      times: [] as { wall: number; cpu: number }[],
    })
  }
  for (let run = 0; run < Number(flags.runs); run++) {
    for (const { once, repeats, times } of kernels) times.push(await once(repeats))
  }
  for (const { variant, times } of kernels) {
    const sorted = (key: 'wall' | 'cpu') => times.map((it) => it[key]).sort((a, b) => a - b)
    const median = (key: 'wall' | 'cpu') => sorted(key)[times.length >> 1]!
    const rate = (work: number) => work / median('wall') / 1e6
    const figures = [median('wall'), sorted('wall')[0]!, median('cpu'), rate(2 * rows * k * n), rate(4 * k * n)]
    console.log(
      shape.join(' × ').padEnd(20) + variant.padEnd(10) + figures.map((it) => it.toFixed(2).padStart(12)).join(''),
    )
  }
  gpu.free(tensors.x, tensors.weight, tensors.out)
}
await gpu.dispose()
