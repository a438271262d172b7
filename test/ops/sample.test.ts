import * as assert from 'uvu/assert'
import { InputError, ShapeError } from '../../src/errors.js'
import { type GenerationOptions, resolveOptions } from '../../src/generation/options.js'
import { processScores } from '../../src/generation/processors.js'
import { randomWord } from '../../src/generation/random.js'
import { MAX_EOS_IDS, tokenRules } from '../../src/generation/token-rules.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import { Recorder } from '../../src/gpu/recorder.js'
import { logitsProcessors } from '../../src/ops/logits-processors.js'
import { ruleWords } from '../../src/ops/rule-words.js'
import { sample } from '../../src/ops/sample.js'
import { readDraws, rowStatus, samplingRows, startRow } from '../../src/ops/sampling-rows.js'
import { samplingCases } from '../generation/golden-sampling.js'
import { gpuSuite, randomValues, runOnce } from '../gpu.js'
import { nextId } from '../reference/sample.js'

const rules = tokenRules({ vocabSize: 40, eosIds: [2], padId: 0, decoderStartId: 1 })

const LOWEST = -3.4028234663852886e38

/** The ids of a history as it was read back: bit 31 marks those that stand earlier in it too. */
const historyIds = (words: ArrayLike<number>): number[] => Array.from(words, (word) => word & 0x7fffffff)

/** Draws `steps` ids of every row from the same logits again and again; the ids of each row, without its first. */
async function draw(
  gpu: Gpu,
  logits: Float32Array,
  options: readonly GenerationOptions[],
  steps: number,
): Promise<number[][]> {
  const count = options.length
  const tensor = gpu.tensorFrom('logits', [count, logits.length / count], logits)
  const rows = samplingRows(gpu, count, 2000)
  for (const [row, it] of options.entries()) startRow(gpu, rows, row, resolveOptions(it, { maxLength: 1000 }), [1])
  const words = ruleWords(gpu, rules)
  const recorder = new Recorder(gpu)
  sample(recorder, tensor, rows, words, count)
  const recording = await recorder.finish()
  for (let step = 0; step < steps; step++) gpu.submit([recording])
  const ids = (await gpu.read(rows.history)) as Uint32Array
  const state = await gpu.read(rows.state)
  recording.dispose()
  gpu.free(tensor, words.words, ...Object.values(rows))
  return options.map((_, row) => historyIds(ids.subarray(row * 2000 + 1, row * 2000 + state[row * 4]!)))
}

/** The same by the plain twin. */
function expectedDraw(logits: Float32Array, options: readonly GenerationOptions[], steps: number): number[][] {
  const vocab = logits.length / options.length
  return options.map((it, row) => {
    const scores = logits.subarray(row * vocab, (row + 1) * vocab)
    const drawn: number[] = []
    while (drawn.length < steps && drawn.at(-1) !== rules.eosIds[0]) {
      drawn.push(nextId(scores, resolveOptions(it), drawn.length)!)
    }
    return drawn
  })
}

/** Draws on the GPU and by the twin, and compares ids. */
async function compare(
  gpu: Gpu,
  logits: Float32Array,
  options: readonly GenerationOptions[],
  steps = 3,
  twin = logits,
): Promise<void> {
  const expected = expectedDraw(twin, options, steps)
  for (const [row, drawn] of (await draw(gpu, logits, options, steps)).entries()) {
    assert.equal(drawn, expected[row], `row ${row}, ${JSON.stringify(options[row])}`)
  }
}

/** Rows that are on, off and at the edges, in every combination. */
const variety: GenerationOptions[] = [0, 1, 5, 30, 300, 2 ** 32 - 1].flatMap((topK) =>
  [1e-12, 0.3, 0.9, 1 - 1e-9, 1].flatMap((topP) =>
    [0.05, 0.7, 4].map((temperature, i) => ({ topK, topP, temperature, seed: topK * 7 + i + 2 ** 40 })),
  ),
)

gpuSuite('sample', (test) => {
  for (const vocab of [1, 3, 255, 256, 2003]) {
    test(`${vocab} ids, every mix of options`, async (gpu) => {
      const logits = randomValues(variety.length * vocab, vocab).map((it) => it * 6)
      await compare(gpu, logits, variety)
    })
  }

  test('54962 ids, from a sharp and from a flat distribution', async (gpu) => {
    const options: GenerationOptions[] = [
      { seed: 1 },
      { seed: 2, topK: 0, topP: 0.9 },
      { seed: 3, topK: 0, topP: 1 },
      { seed: 4, topK: 3000, topP: 0.99, temperature: 3 },
      { seed: 5, doSample: false },
      { seed: 6, topK: 700, temperature: 2 },
    ]
    // A sum of uniforms is bell-shaped: few ids stand out, as in a language model.
    const words = randomValues(options.length * 54962 * 4, 9)
    const logits = Float32Array.from({ length: options.length * 54962 }, (_, i) => {
      return 5 * (words[4 * i]! + words[4 * i + 1]! + words[4 * i + 2]! + words[4 * i + 3]!)
    })
    await compare(gpu, logits, options)
  })

  test('ties: k keeps all of them, p the lower ids, the best is the lowest', async (gpu) => {
    const options = [...variety, { doSample: false }]
    const steps = randomValues(options.length * 1500, 1).map((it) => Math.round(it * 2))
    await compare(gpu, steps, options)
    const flat = new Float32Array(options.length * 1500)
    await compare(gpu, flat, options)
  })

  test('forbidden ids, −∞ and zeros of either sign', async (gpu) => {
    const pool = [-Infinity, -3.4028234663852886e38, -1e30, 0, -0, 0.5, -2]
    const options = [...variety, { doSample: false }]
    const logits = Float32Array.from({ length: options.length * 300 }, (_, i) => pool[randomWord(1, i) % pool.length]!)
    const twin = logits.map((it) => (it <= pool[1]! ? -Infinity : it))
    await compare(gpu, logits, options, 3, twin)
  })

  test('the golden cases keep to the ids that are left', async (gpu) => {
    for (const { name, processed, probs, options } of await samplingCases()) {
      const drawn = await draw(
        gpu,
        processed,
        [options].map(({ temperature, topK, topP }) => ({ temperature, topK, topP, seed: 1 })),
        20,
      )
      for (const id of drawn[0]!) assert.ok(probs[id]! > 0, `case ${name}: drew ${id}, which is out`)
    }
  })

  test('a row ends at EOS or at its length and writes pad from then on; no score fails', async (gpu) => {
    const vocab = 8
    const logits = new Float32Array(4 * vocab).fill(-1)
    logits[2] = 9
    logits[vocab + 5] = 9
    logits.fill(-Infinity, 2 * vocab, 3 * vocab)
    logits[3 * vocab + 6] = 9
    const tensor = gpu.tensorFrom('logits', [4, vocab], logits)
    const rows = samplingRows(gpu, 4, 20)
    const start = (row: number, maxNewTokens: number, ids: number[], first?: { length: number; position?: number }) =>
      startRow(gpu, rows, row, resolveOptions({ doSample: row !== 0, maxNewTokens, seed: 1 }), ids, first)
    start(0, 5, [1])
    start(1, 2, [7, 5, 1], { length: 6 })
    start(2, 5, [1])
    start(3, 17, [1, 6, 1], { length: 2, position: 9 })
    const words = ruleWords(gpu, rules)
    const ids: number[][] = []
    for (let step = 0; step < 3; step++) {
      await runOnce(gpu, (recorder) => sample(recorder, tensor, rows, words, 4))
      ids.push([...(await gpu.read(rows.ids))])
    }
    assert.equal(ids, [
      [2, 5, 0, 6],
      [0, 5, 0, 6],
      [0, 0, 0, 6],
    ])
    const { running, stop, length, failed } = rowStatus
    assert.equal([...(await gpu.read(rows.state))], [2, 1, stop, 2, 5, 2, length, 5, 1, 0, failed, 1, 6, 3, running, 6])
    assert.equal([...(await gpu.read(rows.lengths))], [0, 7, 0, 5], 'where the row ended')
    assert.equal([...(await gpu.read(rows.positions))], [0, 7, 0, 12])
    const history = (await gpu.read(rows.history)) as Uint32Array
    assert.equal(historyIds(history.subarray(20, 25)), [7, 5, 1, 5, 5])
    assert.equal(
      Array.from(history.subarray(60, 66), (it) => it >>> 31),
      [0, 0, 1, 1, 1, 1],
      'marked where repeated',
    )
  })

  test('whole replies with all processors, as the twin draws them', async (gpu) => {
    const vocab = 40
    const special = { ...rules, firstAddedId: 36, eosIds: [2, 30], forbiddenRuns: [[9, 8], [7]], forbiddenFirst: [5] }
    const words = ruleWords(gpu, special)
    const options = resolveOptions({ seed: 11, topK: 0, topP: 0.95, temperature: 2, maxLength: 60, minLength: 12 })
    const scores = randomValues(vocab, 5).map((it) => it * 3)
    const context = [9, 8, 9, 2, 1]
    const rows = samplingRows(gpu, 1, 100)
    startRow(gpu, rows, 0, options, context)
    const tensor = gpu.tensor('logits', [1, vocab])
    const expected = [...context]
    for (let step = 0; ; step++) {
      gpu.write(tensor, scores)
      await runOnce(gpu, (recorder) => {
        logitsProcessors(recorder, tensor, rows, words, 1)
        sample(recorder, tensor, rows, words, 1)
      })
      const twin = scores.slice()
      processScores(twin, { history: expected, drawn: step }, options, special)
      const id = nextId(twin, options, step)
      if (id === undefined) break
      expected.push(id)
      if (special.eosIds.includes(id) || step + 2 >= options.maxLength) break
    }
    const [length = 0, , status] = await gpu.read(rows.state)
    assert.equal(historyIds(((await gpu.read(rows.history)) as Uint32Array).subarray(0, length)), expected)
    assert.is.not(status, rowStatus.running)
  })

  test('any of the ids that end a reply ends it, 64 of them too', async (gpu) => {
    const eosIds = Array.from({ length: MAX_EOS_IDS }, (_, i) => 100 + i)
    const words = ruleWords(gpu, { ...rules, eosIds })
    const best = [99, 100, 137, 163, 164]
    const logits = new Float32Array(best.length * 300)
    for (const [row, id] of best.entries()) logits[row * 300 + id] = 50
    const tensor = gpu.tensorFrom('logits', [best.length, 300], logits)
    const rows = samplingRows(gpu, best.length, 100)
    for (const row of best.keys()) startRow(gpu, rows, row, resolveOptions({ seed: 1, maxLength: 50 }), [1])
    await runOnce(gpu, (recorder) => sample(recorder, tensor, rows, words, best.length))
    const { running, stop } = rowStatus
    assert.equal(
      readDraws((await gpu.read(rows.state)) as Uint32Array, best.length),
      [running, stop, stop, stop, running].map((status, row) => ({ id: best[row]!, status })),
    )
  })

  for (const lanes of ['narrow', 'wide']) {
    test(`rows whose logits are not finite fail, and no other is changed, ${lanes}`, async (gpu) => {
      gpu.useVariant('sample', lanes)
      gpu.useVariant('logits-processors', lanes)
      const vocab = 20_000
      const ways: GenerationOptions[] = [
        { doSample: false },
        { seed: 3 },
        { seed: 4, topK: 0, topP: 1, temperature: 3 },
      ]
      const healthy = randomValues(vocab, 6).map((it) => it * 6)
      const bits = new Float32Array(new Uint32Array([0xffc00000, 0x7f800001, 0xffffffff]).buffer)
      const faults: [string, (scores: Float32Array) => void][] = [
        ['one +∞', (it) => it.fill(Infinity, 19_999)],
        ['+∞ at an id of the history', (it) => it.fill(Infinity, 7, 8)],
        ['−∞ everywhere', (it) => it.fill(-Infinity)],
        ['the lowest f32 everywhere', (it) => it.fill(-3.4028234663852886e38)],
        ['one NaN', (it) => it.fill(Number.NaN, 4321, 4322)],
        ['a NaN with a sign', (it) => it.set(bits.subarray(0, 1), 12_345)],
        ['a signalling NaN', (it) => it.set(bits.subarray(1, 2), 0)],
        ['a NaN of ones', (it) => it.set(bits.subarray(2), 3)],
        ['all NaN', (it) => it.fill(Number.NaN)],
      ]
      // Every second row is healthy, and so are those beside the first and the last.
      const count = 2 * faults.length + 1
      const logits = new Float32Array(count * vocab)
      for (let row = 0; row < count; row++) {
        logits.set(healthy, row * vocab)
        if (row % 2) faults[(row - 1) / 2]![1](logits.subarray(row * vocab, (row + 1) * vocab))
      }
      const option = (row: number): GenerationOptions => ({ ...ways[(row >> 1) % ways.length], maxLength: 40 })
      const run = async (count: number, values: Float32Array, options: (row: number) => GenerationOptions) => {
        const tensor = gpu.tensorFrom('logits', [count, vocab], values)
        const rows = samplingRows(gpu, count, 60)
        const words = ruleWords(gpu, { ...rules, firstAddedId: vocab })
        for (let row = 0; row < count; row++) startRow(gpu, rows, row, resolveOptions(options(row)), [7, 9, 1])
        const draws = []
        for (let step = 0; step < 3; step++) {
          gpu.write(tensor, values)
          await runOnce(gpu, (recorder) => {
            logitsProcessors(recorder, tensor, rows, words, count)
            sample(recorder, tensor, rows, words, count)
          })
          draws.push(readDraws((await gpu.read(rows.state)) as Uint32Array, count))
        }
        const left = new Uint32Array((await gpu.readF32(tensor)).buffer)
        const history = await gpu.read(rows.history)
        gpu.free(tensor, words.words, ...Object.values(rows))
        return { draws, left, history }
      }
      const together = await run(count, logits, option)
      for (let row = 0; row < count; row++) {
        const draws = together.draws.map((it) => it[row]!)
        const history = together.history.slice(row * 60, (row + 1) * 60)
        if (row % 2) {
          const [what] = faults[(row - 1) / 2]!
          assert.equal(draws, new Array(3).fill({ id: 1, status: rowStatus.failed }), what)
          assert.equal([...history.slice(0, 4)], [7, 9, 1, 0], what)
          const scores = logits.slice(row * vocab, (row + 1) * vocab).map((it) => (it <= LOWEST ? -Infinity : it))
          const options = resolveOptions(option(row))
          processScores(scores, { history: [7, 9, 1], drawn: 0 }, options, { ...rules, firstAddedId: vocab })
          assert.is(nextId(scores, options, 0), undefined, `the twin, ${what}`)
        } else {
          const alone = await run(1, healthy, () => option(row))
          assert.equal(draws, alone.draws.flat(), `row ${row}`)
          assert.equal([...history], [...alone.history], `row ${row}`)
          assert.equal(together.left.slice(row * vocab, (row + 1) * vocab), alone.left, `row ${row}`)
        }
      }
      gpu.useVariant('sample', 'narrow')
      gpu.useVariant('logits-processors', 'narrow')
    })
  }

  test('a wide workgroup, as hardware has it', async (gpu) => {
    gpu.useVariant('sample', 'wide')
    const options: GenerationOptions[] = [{ doSample: false }, {}, { topK: 0, topP: 0.9 }, { topK: 0, topP: 1 }]
    const seeded = options.map((it, seed) => ({ ...it, seed }))
    await compare(
      gpu,
      randomValues(seeded.length * 2003, 2).map((it) => it * 9),
      seeded,
    )
    await compare(gpu, new Float32Array(seeded.length * 2003), seeded)
    gpu.useVariant('sample', undefined)
  })

  test('rejects what does not fit', async (gpu) => {
    const rows = samplingRows(gpu, 1, 20)
    assert.throws(
      () => startRow(gpu, rows, 0, resolveOptions({ maxLength: 21 }), [1]),
      (error: Error) => error instanceof InputError && error.message.includes('maxLength 21'),
    )
    const logits = gpu.tensor('logits', [1, 2 ** 16 + 1])
    assert.throws(
      () => sample(new Recorder(gpu), logits, rows, ruleWords(gpu, rules), 1),
      (error: Error) => error instanceof ShapeError && error.message.includes('65537'),
    )
  })
})
