import { miscLayout } from '../models/misc/layout.js'
import { blockFlops } from './cost.js'
import type { MiscRig } from './misc-rig.js'
import type { BlocksReport } from './report.js'
import { sum } from './statistics.js'
import { gpuTime, type SuiteContext, timeRow } from './suite.js'
import { randomIds } from './workload.js'

/** How many of 100 blocks of MISC's dev split have 1, 2, … ids. */
const lengthsIn100 = [0, 57, 11, 10, 12, 7, 2, 1]
const ragged = lengthsIn100.flatMap((count, i) => new Array<number>(count).fill(i + 1))

/** The batches of {@link blocksSuite}: a name, and the length of every block. */
const batches = [
  { name: '50 x 5', lengths: new Array<number>(50).fill(5) },
  { name: '512 x 5', lengths: new Array<number>(512).fill(5) },
  { name: '512 ragged', lengths: Array.from({ length: 512 }, (_, i) => ragged[(i * 37) % ragged.length]!) },
]

/** Rows of {@link blocksSuite}. */
export const blocksSuiteRows = batches.length
const profiledRuns = 1

/** COMET blocks encoded with none of them in the cache. */
export async function blocksSuite(context: SuiteContext<MiscRig>): Promise<BlocksReport> {
  const { rig } = context
  const { config, variant } = rig.weights
  const { weights: layout } = miscLayout(config, variant)
  const draw = randomIds(rig.workload.seed, config.vocabSize)
  let blocks: number[][] = []
  const rows: BlocksReport['rows'][number][] = []
  for (const { name, lengths } of batches) {
    blocks = distinct(lengths.map((length) => draw(Math.min(length, config.maxPositions))))
    const shape = blocks.map((ids) => ids.length)
    const work = { name, ids: sum(shape), flops: blockFlops(layout, shape) }
    const row = await timeRow(
      context,
      work,
      () => rig.encodeBlocks(blocks),
      () => rig.blockCache.clear(),
    )
    rows.push({ ...row, blocks: blocks.length, blocks_per_s: blocks.length / (row.ms.mean / 1e3) })
  }
  const gpuBlocks = await gpuTime(context, profiledRuns, (submit) => {
    rig.blockCache.clear()
    return rig.record((pass) => rig.blockCache.encode(pass, blocks), submit)
  })
  return { rows, gpu_blocks: gpuBlocks }
}

/** A small vocabulary may give the same short block twice: it is encoded, and counts, once. */
function distinct(blocks: readonly number[][]): number[][] {
  return [...new Map(blocks.map((ids) => [ids.join(), ids])).values()]
}
