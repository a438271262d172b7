import * as assert from 'uvu/assert'
import { ShapeError } from '../../src/errors.js'
import type { Gpu, GpuOptions } from '../../src/gpu/gpu.js'
import { Recorder } from '../../src/gpu/recorder.js'
import { cachedAttention, cachedAttentionCandidates } from '../../src/ops/cached-attention.js'
import * as reference from '../../src/validate/twins/cached-attention.js'
import { assertClose, gpuSuite, randomTensor, randomValues, runOnce, seededRandom, withVariant } from '../gpu.js'

interface Case {
  heads: number
  e: number
  newRows?: number
  maxPositions: number
  /** Rows in the cache, of each sequence. */
  lengths: number[]
  /** Columns of the row table, each entry another slot, as far as there are any; default: one, the slot of its number. */
  columns?: number
}

/** Tensors of one case with random contents, and the same contents here. */
function prepare(gpu: Gpu, { heads, e, newRows = 1, maxPositions, lengths, columns }: Case) {
  const d = heads * e
  const sequences = lengths.length
  const slots = columns ? 3 * sequences : sequences
  const table = columns ? forked(lengths, columns) : Uint32Array.from(lengths.keys())
  const qkv = randomTensor(gpu, 'qkv', [sequences * newRows, 3 * d], 1)
  const keys = randomTensor(gpu, 'keys', [slots, maxPositions, d], 2)
  const values = randomTensor(gpu, 'values', [slots, maxPositions, d], 3)
  const tensors = {
    qkv: qkv.tensor,
    keys: keys.tensor,
    values: values.tensor,
    lengths: gpu.tensorFrom('lengths', [sequences], Uint32Array.from(lengths)),
    table: gpu.tensorFrom('table', columns ? [sequences, columns] : [sequences], table),
    out: gpu.tensor('out', [sequences * newRows, d]),
  }
  const host = { qkv: qkv.values, keys: keys.values, values: values.values, lengths: Uint32Array.from(lengths), table }
  return { d, tensors, host, sizes: { sequences, newRows, heads } }
}

/** A row table of beams: earlier rows lie in slots that all share; each sequence's new ones in a slot of its own. */
function forked(lengths: readonly number[], columns: number): Uint32Array {
  const count = lengths.length
  const entries = lengths.map((length, s) =>
    Array.from({ length: columns }, (_, j) =>
      j >= Math.min(length, columns - 1) ? s : count + ((7 * s + 3 * j) % (2 * count)),
    ),
  )
  return Uint32Array.from(entries.flat())
}

async function check(gpu: Gpu, shape: Case): Promise<void> {
  const { d, tensors, host, sizes } = prepare(gpu, shape)
  await runOnce(gpu, (recorder) => cachedAttention(recorder, tensors, sizes))
  const expected = reference.cachedAttention(host.qkv, host.keys, host.values, host, {
    ...{ ...sizes, d, maxPositions: shape.maxPositions },
  })
  assertClose(await gpu.readF32(tensors.out), expected, 2e-5)
  assertClose(await gpu.readF32(tensors.keys), host.keys, 0, 0)
  assertClose(await gpu.readF32(tensors.values), host.values, 0, 0)
}

const suites: [name: string, variant: 'subgroup' | 'plain', options: GpuOptions][] = [
  ['', 'subgroup', {}],
  [' by the grid', 'subgroup', { parts: 'grid' }],
  [' without subgroups', 'plain', { without: ['subgroups'] }],
]
for (const [name, variant, options] of suites) {
  gpuSuite(
    `cached-attention${name}`,
    (test) => {
      /** A test of one kernel, for heads whose columns come in fours. */
      const ofKernel = (title: string, work: (gpu: Gpu) => Promise<void>) =>
        test(`${variant}: ${title}`, (gpu) =>
          withVariant(gpu, 'cached-attention', variant, cachedAttentionCandidates(gpu, 4), () => work(gpu)))
      const cases: Record<string, Case> = {
        'one column, nothing cached': { heads: 1, e: 1, maxPositions: 1, lengths: [0] },
        'the base model': { heads: 16, e: 32, maxPositions: 128, lengths: [100] },
        'several slots': { heads: 3, e: 20, maxPositions: 80, lengths: [0, 79, 1, 64, 33] },
        'several slots, many new rows': { heads: 3, e: 20, newRows: 70, maxPositions: 80, lengths: [0, 10, 1] },
        'rows beyond the cache': { heads: 2, e: 4, newRows: 9, maxPositions: 16, lengths: [16, 12, 99] },
        'head of 15': { heads: 4, e: 15, newRows: 2, maxPositions: 20, lengths: [9, 18] },
        'head of 4': { heads: 2, e: 4, newRows: 2, maxPositions: 40, lengths: [37, 3] },
        'head of 72': { heads: 2, e: 72, newRows: 4, maxPositions: 70, lengths: [65, 2] },
        'more keys than a tile': { heads: 2, e: 4, newRows: 2, maxPositions: 1100, lengths: [1090, 511, 512] },
        'rows in other slots': { heads: 2, e: 4, maxPositions: 30, lengths: [9, 9, 3], columns: 10 },
        'rows in other slots, many new': { heads: 3, e: 20, newRows: 7, maxPositions: 40, lengths: [5, 5], columns: 6 },
      }
      for (const [title, shape] of Object.entries(cases)) {
        // The subgroup kernel wants columns in fours.
        if (variant === 'subgroup' && shape.e % 4 !== 0) continue
        ofKernel(title, (gpu) => check(gpu, shape))
      }

      ofKernel('random shapes', async (gpu) => {
        const random = seededRandom(5)
        const upTo = (n: number) => Math.floor(random() * (n + 1))
        for (let i = 0; i < 4; i++) {
          const maxPositions = 1 + upTo(60)
          const lengths = Array.from({ length: 1 + upTo(4) }, () => upTo(maxPositions))
          const e = [4, 20, 32, 72][i]!
          const columns = upTo(1) ? 1 + Math.max(...lengths) : 0
          await check(gpu, { heads: 1 + upTo(4), e, newRows: 1 + upTo(20), maxPositions, lengths, columns })
        }
      })

      ofKernel('token by token, one recording, as teacher-forced', async (gpu) => {
        const [steps, heads, d] = [21, 3, 60]
        const lengths = Uint32Array.of(0, 5)
        const whole = prepare(gpu, { heads, e: d / heads, newRows: steps, maxPositions: 32, lengths: [...lengths] })
        const one = prepare(gpu, { heads, e: d / heads, maxPositions: 32, lengths: [...lengths] })
        await runOnce(gpu, (recorder) => cachedAttention(recorder, whole.tensors, whole.sizes))
        const all = await gpu.readF32(whole.tensors.out)
        const recorder = new Recorder(gpu)
        cachedAttention(recorder, one.tensors, one.sizes)
        const recording = await recorder.finish()
        for (let step = 0; step < steps; step++) {
          gpu.write(
            one.tensors.lengths,
            lengths.map((length) => length + step),
          )
          for (const slot of [0, 1]) {
            const row = slot * steps + step
            gpu.write(one.tensors.qkv, whole.host.qkv.subarray(row * 3 * d, (row + 1) * 3 * d), slot * 3 * d)
          }
          gpu.submit([recording])
          const out = await gpu.readF32(one.tensors.out)
          for (const slot of [0, 1]) {
            const row = slot * steps + step
            assertClose(out.subarray(slot * d, (slot + 1) * d), all.subarray(row * d, (row + 1) * d), 1e-6, 1e-6)
          }
        }
        recording.dispose()
        assert.equal(await gpu.readF32(one.tensors.keys), await gpu.readF32(whole.tensors.keys))
        assert.equal(await gpu.readF32(one.tensors.values), await gpu.readF32(whole.tensors.values))
      })

      ofKernel('large scores, and nothing read beyond the length', async (gpu) => {
        const { tensors, sizes } = prepare(gpu, { heads: 4, e: 4, maxPositions: 40, lengths: [11] })
        gpu.write(tensors.keys, new Float32Array(29 * 16).fill(Number.NaN), 11 * 16)
        gpu.write(tensors.values, new Float32Array(29 * 16).fill(Number.NaN), 11 * 16)
        gpu.write(
          tensors.qkv,
          randomValues(16, 1).map((value) => value * 1e5),
        )
        await runOnce(gpu, (recorder) => cachedAttention(recorder, tensors, sizes))
        assert.ok((await gpu.readF32(tensors.out)).every(Number.isFinite))
      })

      test('says which tensor does not fit', (gpu) => {
        const { tensors, sizes } = prepare(gpu, { heads: 2, e: 4, maxPositions: 6, lengths: [3, 4] })
        const record =
          (changes: object, more: object = {}) =>
          () =>
            cachedAttention(new Recorder(gpu), { ...tensors, ...changes }, { ...sizes, ...more })
        const fails = (body: () => void, pattern: RegExp) =>
          assert.throws(body, (error: unknown) => error instanceof ShapeError && pattern.test(error.message))
        fails(record({ values: tensors.out }), /cachedAttention: out must be f32 \[≥ 2, 6, 8\], got f32 \[2, 8\]/)
        fails(record({ lengths: tensors.out }), /out must be u32 \[≥ 2\]/)
        fails(record({ table: tensors.out }), /out must be u32 \[≥ 2, 8\]/)
        fails(record({}, { newRows: 2 }), /qkv must have 4 rows or more/)
        fails(record({}, { heads: 3 }), /3 heads do not divide a width of 8/)
      })
    },
    options,
  )
}
