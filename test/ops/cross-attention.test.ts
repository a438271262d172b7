import * as assert from 'uvu/assert'
import { ShapeError } from '../../src/errors.js'
import type { Gpu, GpuOptions } from '../../src/gpu/gpu.js'
import { Recorder } from '../../src/gpu/recorder.js'
import { cachedAttentionCandidates } from '../../src/ops/cached-attention.js'
import { crossAttention } from '../../src/ops/cross-attention.js'
import * as reference from '../../src/validate/twins/cross-attention.js'
import { assertClose, gpuSuite, randomTensor, runOnce, seededRandom, withVariant } from '../gpu.js'

interface Case {
  heads: number
  e: number
  newRows?: number
  /** Rows of each slot in each source. */
  rows: number[][]
  /** The slot of each sequence; default: each slot once. */
  slots?: number[]
}

/** Ranges that lay a slot's rows one source after the other, with a row of no one's ahead of each. */
function layOut(rows: number[][]): { ranges: Uint32Array; slotRows: number } {
  const ends: number[] = []
  const ranges = rows.flatMap((slot) => {
    let end = 0
    const ofSlot = slot.flatMap((count) => {
      end += count + 1
      return [end - count, end]
    })
    ends.push(end)
    return ofSlot
  })
  return { ranges: Uint32Array.from(ranges), slotRows: Math.max(...ends) + 1 }
}

/** Tensors for one case, and the expected output for any ranges. */
function prepare(gpu: Gpu, { heads, e, newRows = 1, rows, slots = [...rows.keys()] }: Case) {
  const d = heads * e
  const [sequences, sources] = [slots.length, rows[0]!.length]
  const { ranges, slotRows } = layOut(rows)
  const q = randomTensor(gpu, 'q', [sequences * newRows, sources * d], 1)
  const kv = randomTensor(gpu, 'kv', [rows.length, heads, slotRows, 2 * e], 2)
  const tensors = {
    q: q.tensor,
    kv: kv.tensor,
    ranges: gpu.tensorFrom('ranges', [rows.length, sources, 2], ranges),
    slots: gpu.tensorFrom('slots', [sequences], Uint32Array.from(slots)),
    out: gpu.tensor('out', q.tensor.shape),
  }
  const expected = (now: Uint32Array) =>
    reference.crossAttention(q.values, kv.values, now, slots, { sources, newRows, heads, d, slotRows })
  return { tensors, sizes: { sequences, newRows, heads }, ranges, expected }
}

async function check(gpu: Gpu, shape: Case): Promise<void> {
  const { tensors, sizes, ranges, expected } = prepare(gpu, shape)
  await runOnce(gpu, (recorder) => crossAttention(recorder, tensors, sizes))
  assertClose(await gpu.readF32(tensors.out), expected(ranges), 2e-5)
}

const suites: [name: string, variant: 'subgroup' | 'plain', options: GpuOptions][] = [
  ['', 'subgroup', {}],
  [' by the grid', 'subgroup', { parts: 'grid' }],
  [' without subgroups', 'plain', { without: ['subgroups'] }],
]
for (const [name, variant, options] of suites) {
  gpuSuite(
    `cross-attention${name}`,
    (test) => {
      /** A test of one kernel, for heads whose columns come in fours. */
      const ofKernel = (title: string, work: (gpu: Gpu) => Promise<void>) =>
        test(`${variant}: ${title}`, (gpu) =>
          withVariant(gpu, 'cross-attention', variant, cachedAttentionCandidates(gpu, 4), () => work(gpu)))
      const cases: Record<string, Case> = {
        'one head of one column': { heads: 1, e: 1, rows: [[3]] },
        'the base model': { heads: 16, e: 32, rows: [[200, 30, 20]] },
        'odd widths, several rows and slots, empty sources': {
          heads: 3,
          e: 20,
          newRows: 3,
          rows: [
            [70, 30, 0],
            [1, 0, 20],
            [0, 0, 0],
            [9, 8, 7],
          ],
        },
        'sequences that share slots': {
          heads: 2,
          e: 4,
          newRows: 2,
          rows: [
            [5, 2],
            [70, 0],
            [3, 9],
          ],
          slots: [2, 0, 0, 1, 2, 2],
        },
        'head of 15': { heads: 4, e: 15, newRows: 2, rows: [[33, 2]] },
        'head of 4': { heads: 4, e: 4, newRows: 5, rows: [[17], [64], [65]] },
        'head of 72': { heads: 2, e: 72, newRows: 2, rows: [[65, 3]] },
        'more keys than a tile': { heads: 2, e: 4, rows: [[1300, 513, 512]] },
      }
      for (const [title, shape] of Object.entries(cases)) {
        // The subgroup kernel wants columns in fours.
        if (variant === 'subgroup' && shape.e % 4 !== 0) continue
        ofKernel(title, (gpu) => check(gpu, shape))
      }

      ofKernel('random shapes', async (gpu) => {
        const random = seededRandom(7)
        const upTo = (n: number) => Math.floor(random() * (n + 1))
        for (let i = 0; i < 4; i++) {
          const [slots, sources] = [1 + upTo(4), 1 + upTo(3)]
          const rows = Array.from({ length: slots }, () => Array.from({ length: sources }, () => upTo(60)))
          const of = Array.from({ length: 1 + upTo(6) }, () => upTo(slots - 1))
          await check(gpu, { heads: 1 + upTo(4), e: [4, 20, 32, 72][i]!, newRows: 1 + upTo(6), rows, slots: of })
        }
      })

      ofKernel('large scores', async (gpu) => {
        const { tensors, sizes } = prepare(gpu, { heads: 1, e: 4, rows: [[600]] })
        gpu.write(tensors.q, Float32Array.of(1e6, 0, 0, 0))
        await runOnce(gpu, (recorder) => crossAttention(recorder, tensors, sizes))
        assert.ok((await gpu.readF32(tensors.out)).every(Number.isFinite))
      })

      ofKernel('replays with ranges changed', async (gpu) => {
        const { tensors, sizes, expected, ranges } = prepare(gpu, {
          heads: 2,
          e: 4,
          rows: [
            [40, 9],
            [3, 4],
          ],
        })
        const recorder = new Recorder(gpu)
        crossAttention(recorder, tensors, sizes)
        const recording = await recorder.finish()
        for (const now of [ranges, ranges.map((row, i) => (i % 2 ? row : row + 1)), ranges.map(() => 2)]) {
          gpu.write(tensors.ranges, now)
          gpu.submit([recording])
          assertClose(await gpu.readF32(tensors.out), expected(now), 2e-5)
        }
        recording.dispose()
      })

      test('says which tensor does not fit', (gpu) => {
        const { tensors, sizes } = prepare(gpu, { heads: 2, e: 4, rows: [[3, 4]] })
        const record =
          (changes: object, more: object = {}) =>
          () =>
            crossAttention(new Recorder(gpu), { ...tensors, ...changes }, { ...sizes, ...more })
        const fails = (body: () => void, pattern: RegExp) =>
          assert.throws(body, (error: unknown) => error instanceof ShapeError && pattern.test(error.message))
        fails(record({ kv: tensors.ranges }), /ranges must be f32 \[≥ 1, 2, slotRows, 8\], got u32 \[1, 2, 2\]/)
        fails(record({ out: tensors.ranges }), /ranges must be f32 \[≥ 1, 16\], got u32 \[1, 2, 2\]/)
        fails(record({}, { sequences: 2 }), /slots must have 2 rows or more/)
        fails(record({}, { heads: 3 }), /3 heads do not divide a width of 8/)
      })
    },
    options,
  )
}
