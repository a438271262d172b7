import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Budget } from '../../src/tune/budget.js'
import { type Candidate, choose, compareKernels, type KernelComparison } from '../../src/tune/compare-kernels.js'

const comparisons = suite('tune/compare-kernels')

/** A kernel that takes this long on a clock of the test's own. */
interface Fake {
  readonly name: string
  /** Milliseconds of one turn after the other, the last for all that follow. */
  readonly ms: readonly number[]
  readonly startMs?: number
  readonly result?: readonly number[]
  readonly fails?: boolean
}

/** Runs a comparison to its end; also how often each kernel was timed, and the time it all took. */
async function run(fakes: readonly Fake[], budgetMs = 1000) {
  let clock = 0
  const turns: Record<string, number> = {}
  const kernels = fakes.map(({ name, ms, startMs = 1, result = [1, -8], fails }): Candidate => {
    turns[name] = 0
    return {
      name,
      async compile() {
        if (fails) throw new Error('does not compile')
      },
      async start() {
        clock += startMs
        return Float32Array.from(result)
      },
      async time() {
        const took = ms[Math.min(turns[name]!++, ms.length - 1)]!
        clock += took
        return took
      },
    }
  })
  const budget = new Budget(budgetMs, () => clock)
  const slices = compareKernels(kernels, { budget, expectedStartMs: 10, tolerance: 1e-3 })
  let result: KernelComparison | undefined
  for (;;) {
    const step = await slices.next()
    if (step.done) {
      result = step.value
      break
    }
    // What others do in between is not the comparison's time.
    clock += 1e6
    await step.value()
  }
  return { result, turns, spent: budget.spent }
}

comparisons('the fastest wins if it beats the guess by 5 %', async () => {
  const { result } = await run([
    { name: 'guess', ms: [10] },
    { name: 'slower', ms: [12] },
    { name: 'faster', ms: [8] },
    { name: 'fast', ms: [9] },
  ])
  assert.is(result!.choice, 'faster')
  assert.equal(result!.ms, { guess: 10, slower: 12, faster: 8, fast: 9 })
  const close = await run([
    { name: 'guess', ms: [10] },
    { name: 'hardly', ms: [9.6] },
  ])
  assert.is(close.result!.choice, 'guess')
})

comparisons('noise does not win: neither a lucky turn nor an unlucky guess', () => {
  assert.is(choose({ guess: [10, 10, 10], lucky: [2, 10, 11] }), 'guess')
  assert.is(choose({ guess: [10, 50, 60], steady: [10, 10, 10] }), 'guess')
  assert.is(choose({ guess: [10, 50, 60], better: [8, 9, 30] }), 'better')
})

comparisons('kernels take turns; one far slower is timed once', async () => {
  const { turns } = await run([
    { name: 'guess', ms: [10] },
    { name: 'close', ms: [11] },
    { name: 'slow', ms: [40] },
  ])
  assert.equal(turns, { guess: 5, close: 5, slow: 1 })
})

comparisons('one that computes something else, or nothing, is left out', async () => {
  const { result } = await run([
    { name: 'guess', ms: [10] },
    { name: 'off', ms: [1], result: [1, -8.1] },
    { name: 'nan', ms: [1], result: [Number.NaN, -8] },
    { name: 'short', ms: [1], result: [1] },
    { name: 'broken', ms: [1], fails: true },
    { name: 'rounded', ms: [2], result: [1.001, -8] },
  ])
  assert.is(result!.choice, 'rounded')
  assert.equal(Object.keys(result!.ms), ['guess', 'rounded'])
  assert.equal(Object.keys(result!.wrong), ['off', 'nan', 'short', 'broken'])
  assert.match(result!.wrong.off!, /off by 0\.013 of the largest value/)
  assert.match(result!.wrong.broken!, /does not compile/)
})

comparisons('without the guess there is no result', async () => {
  const { result } = await run([
    { name: 'guess', ms: [10], fails: true },
    { name: 'other', ms: [1] },
  ])
  assert.is(result, undefined)
})

comparisons('what would not fit is not begun, and said', async () => {
  const fakes = [
    { name: 'guess', ms: [1], startMs: 40 },
    { name: 'second', ms: [0.5], startMs: 40 },
    { name: 'third', ms: [0.1], startMs: 40 },
  ]
  const { result, spent } = await run(fakes, 100)
  assert.is(result!.choice, 'second')
  assert.match(result!.skipped.third!, /^its first run may take 40 ms/)
  assert.ok(spent <= 100)
  assert.is((await run(fakes, 9)).result, undefined)
  assert.is((await run(fakes, 9)).spent, 0)
})

comparisons.run()
