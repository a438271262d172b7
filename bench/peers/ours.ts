/** misc-webgpu's part: `node --import tsx ours.ts MODEL ADAPTER DTYPE`, asked as serve.ts says. */
import { measureCeilings } from '../../src/bench/ceilings.js'
import { decodeStepBytes } from '../../src/bench/cost.js'
import { MiscRig } from '../../src/bench/misc-rig.js'
import { timed } from '../../src/bench/statistics.js'
import { randomIds, resolveWorkload, type Workload } from '../../src/bench/workload.js'
import { describeFolder, openModel } from '../../src/engine/load-model.js'
import { Recorder } from '../../src/gpu/recorder.js'
import { type WeightDtype, weightDtypes } from '../../src/gpu/tensor.js'
import { writeWeights } from '../../src/gpu/weight-format.js'
import { matmul } from '../../src/ops/matmul.js'
import { openGpu } from '../../src/platform/node/open-gpu.js'
import { adoptTuning } from '../../src/platform/node/tuning-file.js'
import { serve, type Task, warmedUp } from './serve.js'
import { gemm, gemv, lengths, type Product, values } from './work.js'

const [folder, adapter, dtypeName] = process.argv.slice(2)
const dtype = weightDtypes.find((it) => it === dtypeName) as WeightDtype
const gpu = await openGpu({ adapter })
await adoptTuning(gpu, (message) => process.stderr.write(`${message}\n`))
const description = await describeFolder(folder!)
const model = await openModel(gpu, folder!, { family: 'misc', dtype })

function rigOf(asked: Partial<Workload>): MiscRig {
  const { context, post, situation, blockLength } = lengths
  const work = { context, postBlocks: post, situationBlocks: situation, blockLength, ...asked }
  return new MiscRig(gpu, model, description, resolveWorkload(work, description))
}

/** Per id and reply, sampling included; when a reply is as long as it may be, the next begins. */
async function decode(batch: number): Promise<Task> {
  const rig = rigOf({ batch })
  const { tokens } = rig.workload
  await rig.start()
  let drawn = 0
  const step = async () => {
    if (drawn === tokens) {
      rig.startRows()
      drawn = 0
    }
    drawn++
    return (await timed(() => rig.step())) / batch
  }
  return warmedUp(step, 3)
}

async function encode(): Promise<Task> {
  const rig = rigOf({})
  const task = () => {
    rig.blockCache.clear()
    return timed(() => rig.run((pass) => rig.encode(pass)))
  }
  return warmedUp(task, 1)
}

async function blocks(): Promise<Task> {
  const rig = rigOf({})
  const draw = randomIds(1, model.config.vocabSize)
  const many = Array.from({ length: lengths.manyBlocks }, () => draw(lengths.blockLength))
  const task = () => {
    rig.blockCache.clear()
    return timed(() => rig.encodeBlocks(many))
  }
  return warmedUp(task, 1)
}

/** The input goes in and the product comes out, as with the peers; the weight lies there. */
async function product({ rows, k, n }: Product): Promise<Task> {
  const x = gpu.tensor('x', [rows, k])
  const weight = gpu.matrix('weight', [n, k])
  writeWeights(gpu, weight, values(n * k))
  const out = gpu.tensor('out', [rows, n])
  const input = values(rows * k)
  const recorder = new Recorder(gpu)
  matmul(recorder, { x, weight, out }, rows)
  const recording = await recorder.finish()
  const readback = gpu.readback(out)
  const task = () =>
    timed(() => {
      gpu.write(x, input)
      gpu.submit([recording], [readback])
      return readback.read()
    })
  return warmedUp(task, 3)
}

/** What a step would take that did nothing but read, at the adapter's measured bandwidth. */
async function readStep(): Promise<Task> {
  const { total } = decodeStepBytes(rigOf({}))
  return async () => total / (await measureCeilings(gpu)).read_bandwidth.gb_per_s / 1e6
}

await serve({
  decode: () => decode(1),
  'decode 16': () => decode(16),
  encode,
  blocks,
  gemm: () => product(gemm),
  gemv: () => product(gemv),
  'read step': readStep,
})
