/** misc-webgpu's part, with a model of any family: `node --import tsx ours.ts MODEL ADAPTER DTYPE`, asked as serve.ts says. */
import { measureCeilings } from '../../src/bench/ceilings.js'
import { decodeStepBytes } from '../../src/bench/cost.js'
import { MiscRig } from '../../src/bench/misc-rig.js'
import { BenchRig } from '../../src/bench/rig.js'
import { timed } from '../../src/bench/statistics.js'
import { randomIds, resolveWorkload, type Workload } from '../../src/bench/workload.js'
import { describeFolder, openModel } from '../../src/engine/load-model.js'
import { resolveOptions } from '../../src/generation/options.js'
import { Recorder } from '../../src/gpu/recorder.js'
import { type WeightDtype, weightDtypes } from '../../src/gpu/tensor.js'
import { writeWeights } from '../../src/gpu/weight-format.js'
import { MiscModel } from '../../src/models/misc/model.js'
import type { Model } from '../../src/models/model.js'
import { matmul } from '../../src/ops/matmul.js'
import { rowStatus } from '../../src/ops/sampling-rows.js'
import { openGpu } from '../../src/platform/node/open-gpu.js'
import { adoptTuning } from '../../src/platform/node/tuning-file.js'
import { serve, type Task, warmedUp } from './serve.js'
import { family, gemm, gemv, lengths, type Product, values } from './work.js'

const [folder, adapter, dtypeName] = process.argv.slice(2)
const dtype = weightDtypes.find((it) => it === dtypeName) as WeightDtype
const gpu = await openGpu({ adapter })
await adoptTuning(gpu, (message) => process.stderr.write(`${message}\n`))
const description = await describeFolder(folder!)
const model: Model = await openModel(gpu, folder!, { dtype })

/** MISC's standard work is what peers are timed on, and so is that of others: see work.ts. */
function rigOf(asked: Partial<Workload>): BenchRig {
  const workload = resolveWorkload({ ...asked, context: lengths.context }, description)
  if (model instanceof MiscModel) return new MiscRig(gpu, model, description, workload)
  return new BenchRig(gpu, model, description, workload)
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
    model.forget()
    return timed(() => rig.run((pass) => rig.encode(pass)))
  }
  return warmedUp(task, 1)
}

async function blocks(): Promise<Task> {
  const rig = rigOf({}) as MiscRig
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

/** The likeliest ids of a reply, without processors, its end among them. */
async function reply(): Promise<number[]> {
  const rig = rigOf({ tokens: family.said })
  const options = {
    doSample: false,
    maxNewTokens: family.said,
    repetitionPenalty: 1,
    noRepeatNgramSize: 0,
    minLength: 0,
  }
  await rig.start()
  const first = model.first(rig.inputs[0])
  rig.slots.start(0, resolveOptions(options), [first.id], first)
  const ids: number[] = []
  let running = true
  while (running) {
    const [draw] = await rig.slots.step(1)
    ids.push(draw!.id)
    running = draw!.status === rowStatus.running
  }
  rig.dispose()
  return ids
}

const tasks = {
  decode: () => decode(1),
  'decode 16': () => decode(16),
  encode,
  blocks,
  gemm: () => product(gemm),
  gemv: () => product(gemv),
  'read step': readStep,
}
await serve(tasks, { 'ids of a reply': reply, 'ids of a reply, as released': reply })
