import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { attention, attentionCandidates, attentionTiles } from '../../src/ops/attention.js'
import * as reference from '../../src/validate/twins/attention.js'
import { assertClose, type GpuTest, gpuSuite, randomTensor, runOnce, seededRandom, withVariant } from '../gpu.js'

interface Case {
  readonly title: string
  readonly heads: number
  readonly headDim: number
  readonly scale?: number
  readonly queryLengths: readonly number[]
  /** As queryLengths where it is self-attention. */
  readonly keyLengths?: readonly number[]
  /** q, k and v are columns of one tensor. */
  readonly stacked?: boolean
  readonly tolerance?: number
}

const random = seededRandom(7)
const lengths = (count: number, most: number, least = 1) =>
  Array.from({ length: count }, () => least + Math.floor(random() * (most - least + 1)))
const blocks = lengths(60, 10)

const cases: Case[] = [
  { title: 'one row, one key', heads: 1, headDim: 4, queryLengths: [1] },
  { title: 'many tiny sequences', heads: 4, headDim: 32, queryLengths: blocks, stacked: true },
  { title: 'first rows of blocks', heads: 4, headDim: 32, queryLengths: blocks.map(() => 1), keyLengths: blocks },
  { title: 'one long sequence', heads: 2, headDim: 32, queryLengths: [203], stacked: true },
  { title: 'more keys than a context has', heads: 1, headDim: 16, queryLengths: [9], keyLengths: [1100] },
  { title: 'long and short', heads: 3, headDim: 20, queryLengths: [1, 130, 8, 9, 2, 33], stacked: true },
  { title: 'no keys, no queries', heads: 2, headDim: 16, queryLengths: [3, 0, 9, 0, 1], keyLengths: [0, 5, 4, 0, 0] },
  { title: 'heads of 64', heads: 2, headDim: 64, queryLengths: [17, 65], stacked: true },
  { title: 'heads of 15', heads: 4, headDim: 15, queryLengths: [5, 21], stacked: true },
  { title: 'heads of 1', heads: 3, headDim: 1, queryLengths: [12] },
  ...[60, 64, 256, 512].flatMap((d): Case[] => {
    const fusion = { heads: 1, headDim: d, queryLengths: [7, 30], keyLengths: [150, 41] }
    // Scores of about ±60, whose rounding errors the softmax passes on.
    const large = { ...fusion, scale: Math.sqrt(d), tolerance: 1e-4 }
    return [
      { title: `fusion of width ${d}`, ...fusion, scale: 1 },
      { title: `fusion of width ${d}, large scores`, ...large },
    ]
  }),
]

function define(variant: string) {
  return (test: GpuTest) => {
    for (const { title, heads, headDim, queryLengths, keyLengths = queryLengths, stacked, ...rest } of cases) {
      // The subgroup kernels want columns in fours.
      if (variant === 'subgroup' && headDim % 4 !== 0) continue
      test(`${variant}: ${title}`, async (gpu) => {
        const options = { heads, headDim, scale: rest.scale ?? 1 / Math.sqrt(headDim) }
        const d = heads * headDim
        const [queryRows, keyRows] = [queryLengths, keyLengths].map((it) => it.reduce((a, b) => a + b, 0)) as [
          number,
          number,
        ]
        const product = randomTensor(gpu, 'product', [keyRows, 3 * d], 1)
        const query = randomTensor(gpu, 'query', [queryRows, d], 2)
        const columns = (column: number) => ({ ...product, stride: 3 * d, column })
        const q = stacked ? columns(0) : { ...query, stride: d, column: 0 }
        const [k, v] = [columns(d), columns(2 * d)]
        const tiles = attentionTiles(queryLengths, keyLengths)
        const tilesTensor = gpu.tensorFrom('tiles', [tiles.length / 4, 4], tiles)
        const out = randomTensor(gpu, 'out', [queryRows, d], 3).tensor
        await withVariant(gpu, 'attention', variant, attentionCandidates(gpu, { q, k, v }, options), async () => {
          await runOnce(gpu, (recorder) => attention(recorder, { q, k, v, tiles: tilesTensor, out }, options))
          const expected = reference.attention([q, k, v], queryLengths, keyLengths, options)
          assertClose(await gpu.readF32(out), expected, rest.tolerance ?? 2e-5)
        })
      })
    }
  }
}

gpuSuite('attention', define('subgroup'))
gpuSuite('attention by the grid', define('subgroup'), { parts: 'grid' })
gpuSuite('attention without subgroups', define('plain'), { without: ['subgroups'] })

const tiling = suite('attention tiles')
tiling('sequences are cut into tiles; one without queries has none', () => {
  const tiles = attentionTiles([5, 0, 1], [2, 7, 0], 4)
  assert.equal([...tiles], [0, 4, 0, 2, 4, 5, 0, 2, 5, 6, 9, 9])
})
tiling.run()
