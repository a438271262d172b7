import * as assert from 'uvu/assert'
import { openModel } from '../../src/engine/load-model.js'
import { modelQuestions } from '../../src/engine/model-questions.js'
import { shapeClass } from '../../src/gpu/shape-class.js'
import { Budget } from '../../src/tune/budget.js'
import { type TunedClass, tune } from '../../src/tune/tuner.js'
import { tinyModel } from '../engine-model.js'
import { gpuSuite } from '../gpu.js'

/** A small class of each op that can be measured, with its candidates on any device. */
const classes = [
  { op: 'gemv', rows: 1, k: 64, n: 128, candidates: ['plain', 'coalesced'] },
  { op: 'gemv', rows: 4, k: 64, n: 128, candidates: ['plain', 'coalesced'] },
  { op: 'gemm', rows: 64, k: 64, n: 128, candidates: ['plain', 'tiled'] },
  { op: 'gemv', dtype: 'f16', rows: 1, k: 64, n: 128, candidates: ['plain', 'coalesced'] },
  { op: 'gemv', dtype: 'int8', rows: 1, k: 64, n: 128, candidates: ['plain', 'coalesced'] },
] as const

gpuSuite('tune/tuner', (test) => {
  test('measures every candidate, frees what it made, and leaves choices as they were', async (gpu) => {
    const questions = classes.map(({ candidates, ...shape }) => ({
      shapeClass: shapeClass(shape.op, { dtype: 'f32', ...shape }),
      candidates,
    }))
    const results: TunedClass[] = []
    const before = gpu.allocatedBytes
    for await (const slice of tune(gpu, questions, new Budget(20_000), (it) => it && results.push(it))) await slice()
    assert.equal(
      results.map((it) => it.shapeClass),
      questions.map((it) => it.shapeClass),
    )
    for (const [i, { choice, ms, wrong }] of results.entries()) {
      assert.equal([Object.keys(ms), wrong], [questions[i]!.candidates, {}])
      assert.ok(choice in ms)
      assert.ok(Object.values(ms).every((it) => it > 0))
    }
    assert.is(gpu.allocatedBytes, before)
    assert.is(gpu.chooseVariant('gemv', ['plain', 'coalesced']), 'plain')
  })

  test('every kernel that a model may use agrees with the guess', async (gpu) => {
    const ofOpAndRows = new Map(
      modelQuestions(gpu, await openModel(gpu, await tinyModel())).map((it) => {
        const { op, rows } = it.shapeClass
        return [`${op} ${rows}`, it] as const
      }),
    )
    assert.ok(ofOpAndRows.size > 8)
    const slices = tune(gpu, [...ofOpAndRows.values()], new Budget(Number.POSITIVE_INFINITY), (result, question) => {
      assert.equal(Object.keys(result!.ms), question.candidates, question.shapeClass.key)
      assert.equal([result!.skipped, result!.wrong], [{}, {}], question.shapeClass.key)
    })
    for await (const slice of slices) await slice()
  })

  test('random operands are made in slices, a piece at a time, and for no longer than there is time', async (gpu) => {
    const shape = shapeClass('gemv', { dtype: 'f32', rows: 1, k: 1024, n: 2048 })
    const question = { shapeClass: shape, candidates: ['plain', 'coalesced'] }
    let inSlice = false
    const lengths: number[] = []
    const write = gpu.write
    gpu.write = (tensor, data, start) => {
      assert.ok(inSlice, `${data.length} values written beside the slices`)
      lengths.push(data.length)
      write.call(gpu, tensor, data, start)
    }
    const before = gpu.allocatedBytes
    const tuned = async (budget: Budget) => {
      const results: unknown[] = []
      lengths.length = 0
      for await (const slice of tune(gpu, [question], budget, (it) => results.push(it))) {
        inSlice = true
        await slice()
        inSlice = false
      }
      assert.is(gpu.allocatedBytes, before)
      return results
    }
    try {
      const [result] = await tuned(new Budget(Number.POSITIVE_INFINITY))
      assert.ok(result)
      assert.ok(Math.max(...lengths) <= 2 ** 18, `${Math.max(...lengths)} values at once`)
      assert.is(
        lengths.reduce((sum, it) => sum + it, 0),
        1024 * 2048 + 1024 + 2048,
      )
      // A slice takes a millisecond: the microbenchmark is made, and three of eleven pieces.
      let clock = 0
      const expectedStartMs = gpu.adapter.software ? 1000 : 200
      assert.equal(await tuned(new Budget(expectedStartMs + 3, () => clock++)), [undefined])
      assert.ok(lengths.length > 0 && lengths.length < 10, `${lengths.length} pieces`)
    } finally {
      Reflect.deleteProperty(gpu, 'write')
    }
  })

  test('an op without a microbenchmark, and a budget of nothing, leave the guess', async (gpu) => {
    const question = (op: string) => ({
      shapeClass: shapeClass(op, { dtype: 'f32', rows: 1, k: 4, n: 4 }),
      candidates: ['plain', 'coalesced'],
    })
    const results: unknown[] = []
    const slices = [
      ...[tune(gpu, [question('no-such-op')], new Budget(1000), (it) => results.push(it))],
      ...[tune(gpu, [question('gemv')], new Budget(0), (it) => results.push(it))],
    ]
    for (const it of slices) for await (const slice of it) assert.unreachable(`nothing to do: ${slice}`)
    assert.equal(results, [undefined, undefined])
  })
})

gpuSuite(
  'tune/tuner: a weight in parts',
  (test) => {
    test('is measured as a whole one is', async (gpu) => {
      const shape = { rows: 1, k: 512, n: 1024 }
      const questions = (['f32', 'int8'] as const).map((dtype) => ({
        shapeClass: shapeClass('gemv', { dtype, ...shape }),
        candidates: ['plain', 'coalesced'],
      }))
      const before = gpu.allocatedBytes
      const results: (TunedClass | undefined)[] = []
      const slices = tune(gpu, questions, new Budget(Number.POSITIVE_INFINITY), (it) => results.push(it))
      for await (const slice of slices) await slice()
      assert.equal(
        results.map((it) => [Object.keys(it!.ms), it!.wrong]),
        questions.map(({ candidates }) => [candidates, {}]),
      )
      assert.is(gpu.allocatedBytes, before)
    })
  },
  { maxBindingBytes: 2 ** 17 },
)
