import { MiscRig } from './misc-rig.js'
import type { Growing, ScalingReport, ScalingRow } from './report.js'
import type { BenchRig } from './rig.js'
import { type Summary, summarize, timed } from './statistics.js'
import type { SuiteContext } from './suite.js'
import { isPrompted, type Room, randomIds, type Workload } from './workload.js'

/** Sizes at which the work is timed; those that a model has no room for are left out. */
const sizes: Readonly<Record<Growing, readonly number[]>> = {
  context: [32, 64, 128, 256, 512],
  blocks: [0, 16, 32, 50, 128, 256, 512],
  batch: [1, 2, 4, 8, 16, 32],
}

/** A run longer than this needs no warm-up, and after so long no run is begun. */
const enoughMs = { warm: 1000, all: 4000 }
/** Steps of a reply that are timed at most. */
const steps = 16

/** The work at one size: a dialogue's lengths, and how many blocks alone; null where there is no such dialogue. */
interface Point {
  readonly grows: Growing
  readonly at: number
  readonly workload: Workload | null
}

/** How the cost of the work grows with its size: with the context, with the blocks, with the batch. */
export async function scalingSuite(context: SuiteContext): Promise<ScalingReport> {
  const { rig, onRun } = context
  const rows: ScalingRow[] = []
  for (const point of scalingPoints(rig.description, rig.workload)) {
    rows.push(await timePoint(rig, point))
    onRun()
  }
  return { rows }
}

/** The sizes that a model has room for. */
export function scalingPoints(model: Room, workload: Workload): Point[] {
  const { config } = model
  const longest = config.maxPositions - (isPrompted(model) ? workload.tokens - 1 : 0)
  const points: Point[] = sizes.context
    .filter((at) => at <= longest)
    .map((at) => ({ grows: 'context', at, workload: { ...workload, context: at } }))
  const blocks = 'maxPostBlocks' in config ? config : undefined
  for (const at of blocks ? sizes.blocks : []) {
    const { maxPostBlocks, maxSituationBlocks } = blocks!
    const postBlocks = Math.min(maxPostBlocks, Math.ceil(0.6 * at))
    const situationBlocks = Math.min(maxSituationBlocks, at - postBlocks)
    const fits = postBlocks + situationBlocks === at
    points.push({ grows: 'blocks', at, workload: fits ? { ...workload, postBlocks, situationBlocks } : null })
  }
  return [...points, ...sizes.batch.map((at): Point => ({ grows: 'batch', at, workload: { ...workload, batch: at } }))]
}

async function timePoint(shared: BenchRig, { grows, at, workload }: Point): Promise<ScalingRow> {
  const alone = grows === 'blocks' && at > 0 && shared instanceof MiscRig ? await timeBlocks(shared, at) : null
  const row = { grows, at, blocks_ms: alone, blocks_per_s: alone && at / (alone.p50 / 1e3) }
  if (!workload) return { ...row, encode_ms: null, step_ms: null, decode_tokens_per_s: null }
  const rig = shared.at(workload)
  try {
    const encode = await timeRuns(rig, () => rig.run((pass) => rig.encode(pass)))
    const step = await timeSteps(rig)
    return { ...row, encode_ms: encode, step_ms: step, decode_tokens_per_s: workload.batch / (step.p50 / 1e3) }
  } finally {
    rig.dispose()
  }
}

/** Distinct blocks, as far as the vocabulary has them. */
async function timeBlocks(rig: MiscRig, count: number): Promise<Summary> {
  const { seed, blockLength } = rig.workload
  const draw = randomIds(seed, rig.weights.config.vocabSize)
  const blocks = Array.from({ length: count }, () => draw(blockLength))
  return timeRuns(rig, () => rig.encodeBlocks(blocks))
}

/** As often as the workload says, or until enough time has passed; a short first run does not count. No block is in the cache. */
async function timeRuns({ model, workload }: BenchRig, work: () => Promise<unknown>): Promise<Summary> {
  const started = performance.now()
  const run = () => {
    model.forget()
    return timed(work)
  }
  const first = await run()
  const times = first > enoughMs.warm ? [first] : [await run()]
  while (times.length < workload.repetitions && performance.now() - started < enoughMs.all) times.push(await run())
  return summarize(times)
}

async function timeSteps(rig: BenchRig): Promise<Summary> {
  const { tokens } = rig.workload
  await rig.start()
  // The first step waits for its kernels.
  await rig.step()
  return summarize(await rig.draw(Math.min(tokens - 1, steps)))
}
