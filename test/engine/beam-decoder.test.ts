import * as assert from 'uvu/assert'
import { BeamDecoder, type BeamJob } from '../../src/engine/beam-decoder.js'
import { loadModel, openModel, readConfig } from '../../src/engine/load-model.js'
import { ReplyDecoder, type ReplyStart } from '../../src/engine/reply-decoder.js'
import { ReplyScheduler } from '../../src/engine/scheduler.js'
import { GpuError, InputError, OutOfMemoryError, QueueFullError } from '../../src/errors.js'
import type { Hypothesis } from '../../src/generation/beam-search.js'
import { parseGenerationConfig } from '../../src/generation/generation-config.js'
import { type GenerationOptions, resolveOptions } from '../../src/generation/options.js'
import { processScores } from '../../src/generation/processors.js'
import { tokenRules } from '../../src/generation/token-rules.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import { openSafetensors } from '../../src/io/safetensors.js'
import type { GptModel, PlacedPrompt } from '../../src/models/gpt/model.js'
import type { DialogueIds } from '../../src/models/misc/misc.js'
import { MiscModel, type StrategyScores } from '../../src/models/misc/model.js'
import { Run } from '../../src/nn/run.js'
import { MAX_POSITIONS, tinyModel } from '../engine-model.js'
import { goldenCases, goldenModel } from '../golden.js'
import { assertClose, exhaust, firstGpuSuite, seededRandom } from '../gpu.js'
import { beamSearch } from '../reference/beam-search.js'
import { logSoftmax } from '../reference/log-softmax.js'
import { teacherForced } from '../reference/teacher-forced.js'

/** Memory that a test leaves is not given back while another counts. */
const hour = 3_600_000

const folder = await tinyModel()
/** Any id may be drawn. */
const rules = tokenRules(await readConfig(folder))
const START = 1

type Start = ReplyStart<DialogueIds>

/** The tiny model, likely to end a reply at any id, and what draws from it. */
async function load(gpu: Gpu, { maxQueue = 100, idleMs = 30_000 } = {}) {
  const weights = await loadModel(gpu, folder)
  gpu.write(weights.logitsBias, Float32Array.of(5.5), rules.eosIds[0]!)
  const bytes = gpu.allocatedBytes
  const model = new MiscModel(gpu, weights)
  const decoder = new ReplyDecoder(gpu, model, rules)
  const replies = new ReplyScheduler(decoder, { stepsInFlight: 2, maxQueue, idleMs })
  const beams = new BeamDecoder(replies)
  /** Frees all, and says whether nothing is left but the weights. */
  const dispose = () => {
    beams.dispose()
    decoder.dispose()
    assert.is(gpu.allocatedBytes, bytes)
  }
  return { weights, model, decoder, replies, beams, dispose }
}

/** A dialogue of random ids, its lengths drawn too. */
function randomStart(seed: number, generation: GenerationOptions): Start {
  const random = seededRandom(seed)
  const upTo = (n: number) => Math.floor(random() * n)
  const ids = (length: number) => Array.from({ length }, () => 3 + upTo(5000))
  const blocks = () => Array.from({ length: upTo(4) }, () => ids(1 + upTo(6)))
  const input = { context: ids(1 + upTo(MAX_POSITIONS)), post: blocks(), situation: blocks() }
  return { input, options: resolveOptions({ seed, ...generation }), history: [START] }
}

const off: GenerationOptions = { repetitionPenalty: 1, noRepeatNgramSize: 0, minLength: 0 }

/** Ways to search, some of which end early and some of which do not. */
const ways: GenerationOptions[] = [
  { ...off, numBeams: 2, maxLength: 9, numReturnSequences: 2 },
  { ...off, numBeams: 5, maxLength: 12, numReturnSequences: 5, lengthPenalty: 2 },
  { numBeams: 5, maxLength: 14, minLength: 6, noRepeatNgramSize: 2, repetitionPenalty: 1.3, earlyStopping: true },
  { ...off, numBeams: 3, maxLength: 8, lengthPenalty: 0, numReturnSequences: 3, earlyStopping: true },
  { ...off, numBeams: 4, maxLength: 11, minLength: 11, repetitionPenalty: 0.8, numReturnSequences: 2 },
]

const told = (found: readonly Hypothesis[]) =>
  found.map(({ ids, score, finishReason }) => `${ids} ${score} ${finishReason}`)
const idsOf = (found: readonly Hypothesis[]) => found.map(({ ids, finishReason }) => `${ids} ${finishReason}`)

/** Asks for one search; `abortAt` steps its signal says stop. */
function ask(
  beams: BeamDecoder<DialogueIds, StrategyScores>,
  start: Start,
  more: Partial<BeamJob<DialogueIds, StrategyScores>> = {},
): Promise<readonly Hypothesis[]> {
  return new Promise((resolve, reject) => {
    const nothing = () => {}
    beams.add({
      ...start,
      encoded: nothing,
      stepped: nothing,
      drawn: nothing,
      finished: resolve,
      failed: reject,
      ...more,
    })
  })
}

firstGpuSuite('engine/beam-decoder', (test) => {
  test('finds what a search without caches finds, which computes every hypothesis from its start', async (gpu) => {
    const { model, beams, dispose } = await load(gpu)
    const forced = { ...rules, forcedLast: rules.eosIds }
    const ends = new Set<string>()
    for (const [i, way] of ways.entries()) {
      const start = randomStart(i, way)
      const context = i === 2 ? start.input.context : []
      const [found] = await beams.search([{ ...start, history: [...context, START] }])
      const scoresOf = teacherForced(gpu, model, start.input, start.options, forced, context)
      const expected = await beamSearch(scoresOf, [START], rules.eosIds[0]!, start.options)
      assert.equal(
        found!.map(({ ids }) => [START, ...ids]),
        expected.map(({ ids }) => ids),
        `way ${i}`,
      )
      const scores = expected.map((it) => it.score)
      assertClose(
        found!.map((it) => it.score),
        scores,
        1e-4,
      )
      for (const { finishReason } of found!) ends.add(finishReason)
    }
    assert.equal(ends, new Set(['stop', 'length']), 'some end by themselves, and not all')
    dispose()
  })

  test('each input of a batch gets what it gets alone, in as many parts as there is room for', async (gpu) => {
    const { beams, dispose } = await load(gpu)
    const starts = Array.from({ length: 9 }, (_, i) => {
      const { maxLength } = ways[i % ways.length]!
      return randomStart(i, { ...ways[i % ways.length], numBeams: 40, maxLength: Math.min(maxLength!, 6 + (i % 4)) })
    })
    const alone: string[][] = []
    for (const start of starts) {
      const [found] = await beams.search([start])
      alone.push(idsOf(found!))
    }
    const together = await beams.search(starts)
    assert.equal(together.map(idsOf), alone)
    assert.ok(new Set(alone.flat()).size > 12)
    dispose()
  })

  test('several searches of one input read it once, and what it left outlasts the search that read it', async (gpu) => {
    const { model, beams, dispose } = await load(gpu)
    const read: number[] = []
    const start = model.start.bind(model)
    model.start = (pass, inputs, cache, slots) => {
      read.push(inputs.length)
      return start(pass, inputs, cache, slots)
    }
    const way = { ...off, numBeams: 3, numReturnSequences: 3 }
    const shared = randomStart(1, { ...way, maxLength: 3 })
    const longer = (first: number, maxLength: number): Start => ({
      ...shared,
      options: resolveOptions({ ...way, maxLength }),
      history: [first],
    })
    const asked = [shared, longer(4, 9), longer(7, 12), randomStart(2, { ...way, maxLength: 9 })]
    const alone: string[][] = []
    for (const it of asked) {
      const [found] = await beams.search([it])
      alone.push(idsOf(found!))
    }
    read.splice(0)
    const [first, ...others] = asked.map((it) => ask(beams, it))
    // When the first has ended, the place of that one is read from still.
    const late = first!.then(() => ask(beams, asked[3]!))
    const together = await Promise.all([first!, ...others])
    assert.equal(together.map(idsOf), alone)
    assert.equal(idsOf(await late), alone[3])
    assert.equal(read, [2, 1])
    dispose()
  })

  test('those that come later take the places of those that ended, whatever each asks for', async (gpu) => {
    const { beams, dispose } = await load(gpu)
    const starts = Array.from({ length: 12 }, (_, i) => randomStart(20 + i, ways[Math.floor(i / 2) % ways.length]!))
    const alone: string[][] = []
    for (const start of starts) alone.push(idsOf(await ask(beams, start)))
    const all: Promise<string[]>[] = []
    for (const [i, start] of starts.entries()) {
      all.push(ask(beams, start).then(idsOf))
      if (i % 4 === 3) await all[i - 2]
    }
    assert.equal(await Promise.all(all), alone)
    dispose()
  })

  test('what is drawn before the end is the best hypothesis, piece by piece', async (gpu) => {
    const { beams, dispose } = await load(gpu)
    let early = 0
    for (let i = 0; i < 10; i++) {
      const ids: number[] = []
      let before = 0
      let encoded = 0
      const [best] = await ask(beams, randomStart(i, ways[i % ways.length]!), {
        encoded: ({ probs }, ms) => {
          assert.is(ids.length, 0)
          assert.ok(Math.abs(probs.reduce((sum, p) => sum + p, 0) - 1) < 1e-5 && ms > 0)
          encoded++
        },
        stepped: () => {
          before = ids.length
        },
        drawn: (id) => void ids.push(id),
      })
      assert.equal([ids, encoded], [best!.ids, 1])
      if (before > 0) early++
    }
    assert.ok(early > 0)
    dispose()
  })

  test('it shares the GPU with replies being drawn, and each gets what it gets alone', async (gpu) => {
    const { beams, replies, dispose } = await load(gpu)
    const draw = (seed: number) =>
      new Promise<string>((resolve, reject) => {
        const ids: number[] = []
        const start = randomStart(seed, { maxLength: 20, minLength: 15, temperature: 1.5, topK: 0, topP: 1 })
        replies.add({
          ...start,
          encoded: () => {},
          drawn: (id) => void ids.push(id),
          finished: (reason) => resolve(`${ids} ${reason}`),
          failed: reject,
        })
      })
    const order: string[] = []
    const search = (i: number) => ask(beams, randomStart(i, ways[i]!), { stepped: () => void order.push('beams') })
    const alone = [await draw(1), await draw(2)]
    const found = [told(await search(1)), told(await search(2))]
    order.length = 0
    const noted = (seed: number) => draw(seed).finally(() => order.push('reply'))
    const [a, x, b, y] = await Promise.all([noted(1), search(1), noted(2), search(2)])
    assert.equal([a, b], alone)
    assert.equal([idsOf(x), idsOf(y)], [idsOf(await search(1)), idsOf(await search(2))])
    assert.equal(found.flat().length, x.length + y.length)
    assert.ok(order.indexOf('beams') < order.indexOf('reply'), 'by turns')
    dispose()
  })

  test('aborted: while it waits, before its first step, and within a step, with the best so far', async (gpu) => {
    const { beams, dispose } = await load(gpu)
    const long = { ...off, numBeams: 4, maxLength: 40, minLength: 40, numReturnSequences: 2 }
    const stopped = AbortSignal.abort()
    assert.equal(await ask(beams, randomStart(1, long), { signal: stopped }), [])
    const stop = new AbortController()
    let steps = 0
    const beside = ask(beams, randomStart(2, long))
    const ids: number[] = []
    const found = await ask(beams, randomStart(1, long), {
      signal: stop.signal,
      stepped: () => {
        steps++
        if (steps === 5) stop.abort()
      },
      drawn: (id) => void ids.push(id),
    })
    assert.is(steps, 5)
    assert.equal(
      found.map((it) => [it.ids.length, it.finishReason]),
      [
        [5, 'aborted'],
        [5, 'aborted'],
      ],
    )
    assert.equal(ids, found[0]!.ids)
    assert.equal(idsOf(await beside), idsOf(await ask(beams, randomStart(2, long))))
    const { signal } = stop
    assert.equal(await beams.search([randomStart(1, long), randomStart(2, long)], signal), [[], []])
    dispose()
  })

  test('an input whose logits are not finite fails alone', async (gpu) => {
    const { weights, beams, dispose } = await load(gpu)
    const { dModel: d } = weights.config
    const { positions } = weights.encoder
    const sound = await gpu.readF32(positions)
    const starts = [1, 2, 3].map((seed) => {
      const start = randomStart(seed, ways[1]!)
      const context = Array.from({ length: seed === 2 ? 40 : 8 }, (_, i) => 3 + seed + i)
      return { ...start, input: { ...start.input, context } }
    })
    const find = () =>
      Promise.all(starts.map((it) => ask(beams, it).then(idsOf, (error: Error) => [error.constructor.name])))
    const before = await find()
    for (const fault of [Number.NaN, Number.POSITIVE_INFINITY]) {
      gpu.write(positions, new Float32Array(d).fill(fault), 30 * d)
      assert.equal(await find(), [before[0], [GpuError.name], before[2]])
      gpu.write(positions, sound)
      assert.equal(await find(), before)
    }
    dispose()
  })

  test('where no id may come, it says so; where few may, it finds fewer', async (gpu) => {
    const { model, dispose } = await load(gpu)
    const only = (forbidden: readonly number[]) => {
      const decoder = new ReplyDecoder(gpu, model, {
        ...rules,
        firstAddedId: 4,
        forbiddenRuns: forbidden.map((id) => [id]),
      })
      return {
        decoder,
        beams: new BeamDecoder(new ReplyScheduler(decoder, { stepsInFlight: 1, maxQueue: 9, idleMs: hour })),
      }
    }
    const none = only([0, 1, 2, 3])
    const start = randomStart(1, { ...off, numBeams: 3, maxLength: 6, numReturnSequences: 3 })
    await none.beams.search([start]).then(
      () => assert.unreachable(),
      (error) => assert.instance(error, GpuError),
    )
    // The first id is 3 or the end; then the end alone.
    const few = only([0, 1])
    const [found] = await few.beams.search([{ ...start, options: { ...start.options, maxLength: 3 } }])
    assert.equal(found!.map(({ ids }) => ids).sort(), [[], [3]])
    for (const { decoder, beams } of [none, few]) {
      beams.dispose()
      decoder.dispose()
    }
    dispose()
  })

  test('a caller’s code that throws fails its own search', async (gpu) => {
    const { beams, dispose } = await load(gpu)
    const alone = idsOf(await ask(beams, randomStart(1, ways[1]!)))
    const fault = () => {
      throw new InputError('mine')
    }
    const faulty = (['encoded', 'stepped', 'drawn', 'finished'] as const).map((name) =>
      ask(beams, randomStart(2, ways[1]!), { [name]: fault }).then(String, (error: Error) => error.message),
    )
    const beside = ask(beams, randomStart(1, ways[1]!))
    assert.equal(await Promise.all(faulty), Array(4).fill('mine'))
    assert.equal(idsOf(await beside), alone)
    dispose()
  })

  test('a full queue refuses', async (gpu) => {
    const { beams, decoder, dispose } = await load(gpu, { maxQueue: 1 })
    const stop = new AbortController()
    const asked = Array.from({ length: decoder.maxBatch + 1 }, (_, i) =>
      ask(beams, randomStart(i, ways[0]!), { signal: stop.signal }),
    )
    await ask(beams, randomStart(1, ways[0]!)).then(
      () => assert.unreachable(),
      (error) => assert.instance(error, QueueFullError),
    )
    stop.abort()
    await Promise.all(asked)
    dispose()
  })

  test('memory is kept for the next searches, and given back after a while', async (gpu) => {
    const { beams, dispose } = await load(gpu, { idleMs: 200 })
    const start = randomStart(1, ways[1]!)
    const before = gpu.allocatedBytes
    await ask(beams, start)
    const bytes = gpu.allocatedBytes
    assert.ok(bytes > before)
    await ask(beams, start)
    assert.is(gpu.allocatedBytes, bytes)
    await new Promise((resolve) => setTimeout(resolve, 400))
    assert.ok(gpu.allocatedBytes < bytes)
    assert.ok(beams.idle)
    dispose()
  })

  test('no memory, whatever it lacks: that search fails, and the next finds all', async (gpu) => {
    const { beams, replies, dispose } = await load(gpu)
    const start = randomStart(1, { ...ways[0], maxLength: 6 })
    const expected = idsOf(await ask(beams, start))
    const draw = () =>
      new Promise<string>((resolve, reject) => {
        const finished = (reason: string) => resolve(reason)
        replies.add({
          ...randomStart(4, { maxLength: 4, minLength: 4 }),
          encoded() {},
          drawn() {},
          finished,
          failed: reject,
        })
      })
    await draw()
    const lacking = new Set<string>()
    for (let buffers = 0; ; buffers++) {
      beams.dispose()
      const more = exhaust(gpu, buffers)
      const found = await ask(beams, start).then(idsOf, (error: Error) => error)
      const lacked = more()
      gpu.check()
      if (!lacked) {
        assert.equal(found, expected)
        break
      }
      assert.instance(found, OutOfMemoryError)
      lacking.add((found as Error).message.split(':')[0]!)
      if (buffers % 9 === 0) assert.equal([idsOf(await ask(beams, start)), await draw()], [expected, 'length'])
    }
    assert.equal([...lacking].sort(), ['a step of beams', 'encoding a dialogue', 'room for 2 beams of 1 inputs'].sort())
    dispose()
  })
})

/** A `generate.{i}` of a golden case: what transformers 4.2 makes of its inputs. */
interface GoldenGeneration {
  readonly inputs: readonly (readonly number[])[]
  readonly options: GenerationOptions
  /** [inputs, returned sequences, length], each row from the start id, padded. */
  readonly expected: readonly (readonly (readonly number[])[])[]
}

async function goldenGenerations(path: string): Promise<GoldenGeneration[]> {
  await using file = await openSafetensors(path)
  const matrix = async (name: string): Promise<number[][]> => {
    const width = file.tensors.get(name)!.shape.at(-1)!
    const values = await file.readI64(name)
    return Array.from({ length: values.length / width }, (_, row) => values.slice(row * width, (row + 1) * width))
  }
  const mask = await matrix('attention_mask')
  const inputs = (await matrix('input_ids')).map((ids, row) => ids.filter((_, i) => mask[row]![i]! > 0))
  const generations: GoldenGeneration[] = []
  for (const [name, params] of file.metadata) {
    const rows = await matrix(name)
    const { options } = parseGenerationConfig(JSON.parse(params), name, { ...rules, vocabSize: 310 })
    const each = rows.length / inputs.length
    const expected = inputs.map((_, i) => rows.slice(i * each, (i + 1) * each))
    generations.push({ inputs, expected, options: { repetitionPenalty: 1, minLength: 0, ...options } })
  }
  assert.ok(generations.length > 0)
  return generations
}

for (const name of ['bart-tiny', 'blenderbot-tiny'] as const) {
  firstGpuSuite(`golden ${name}`, (test) => {
    for (const [i, path] of goldenCases(name).entries()) {
      test(`every sequence of transformers, case ${i}, all inputs in one batch`, async (gpu) => {
        const model = await openModel(gpu, await goldenModel(name), { family: 'bart' })
        const ofModel = tokenRules(model.config)
        const { decoderStartId, eosIds, padId } = ofModel
        const replies = new ReplyScheduler(new ReplyDecoder(gpu, model, ofModel), {
          stepsInFlight: 1,
          maxQueue: 9,
          idleMs: hour,
        })
        const beams = new BeamDecoder(replies)
        for (const { inputs, options, expected } of await goldenGenerations(path)) {
          const resolved = resolveOptions(options)
          const starts = inputs.map((input) => ({ input, options: resolved, history: [decoderStartId] }))
          const found =
            resolved.numBeams > 1
              ? await beams.search(starts)
              : (await Promise.all(starts.map((it) => greedy(replies, it)))).map((it) => [it])
          const { length } = expected[0]![0]!
          const rows = found.map((all) =>
            all.map(({ ids, finishReason }) => {
              const ended = resolved.numBeams > 1 || finishReason === 'stop' ? [eosIds[0]!] : []
              const row = [decoderStartId, ...ids, ...ended]
              return [...row, ...new Array<number>(length - row.length).fill(padId)]
            }),
          )
          assert.equal(rows, expected, JSON.stringify(options))
        }
        beams.dispose()
        replies.decoder.dispose()
      })
    }
  })
}

firstGpuSuite('beams of a decoder alone', (test) => {
  test('go on from the prompt in the cache, as if each hypothesis were a prompt of its own', async (gpu) => {
    const model = await openModel(gpu, await goldenModel('gpt-tiny'), { family: 'gpt' })
    const ofModel = { ...tokenRules(model.config), eosIds: [5] }
    const replies = new ReplyScheduler(new ReplyDecoder(gpu, model, ofModel), {
      stepsInFlight: 1,
      maxQueue: 9,
      idleMs: hour,
    })
    const beams = new BeamDecoder(replies)
    const random = seededRandom(2)
    const prompts = [1, 4, 9, 41].map((length) => Array.from({ length }, () => Math.floor(random() * 320)))
    const options = resolveOptions({ ...off, noRepeatNgramSize: 2, numBeams: 4, numReturnSequences: 4, maxLength: 7 })
    // Positions that run on over padding.
    const gap = { ids: [7, 8, 9], positions: [0, 1, 6] }
    const lengthless = { ...options, lengthPenalty: 0 }
    const starts = [
      ...prompts.map((input) => ({ input, options, history: input })),
      { input: gap, options: lengthless, history: gap.ids },
    ]
    const found = await beams.search(starts)
    for (const [i, { input, options, history }] of starts.entries()) {
      const maxLength = history.length - 1 + options.maxLength
      const forced = { ...ofModel, forcedLast: [5] }
      const scoresOf = async (sequences: readonly (readonly number[])[]) => {
        const all: Float32Array[] = []
        for (const ids of sequences) {
          const positions = ids.map((_, at) => (input === gap ? (gap.positions[at] ?? at + 4) : at))
          const scores = logSoftmax(await logitsAfter(gpu, model, { ids, positions }))
          const drawn = ids.length - history.length
          processScores(scores, { history: ids, drawn }, options, forced)
          all.push(scores)
        }
        return all
      }
      const expected = await beamSearch(scoresOf, history, 5, { ...options, maxLength })
      assert.equal(
        found[i]!.map(({ ids }) => [...history, ...ids]),
        expected.map(({ ids }) => ids),
        `prompt ${i}`,
      )
      assertClose(
        found[i]!.map((it) => it.score),
        expected.map((it) => it.score),
        1e-4,
      )
    }
    // Of 48 positions the prompt has all but one, or all.
    const [longest] = await beams.search([{ input: Array(47).fill(3), options, history: [3] }])
    assert.ok(longest!.every(({ ids }) => ids.length <= 2))
    const [last] = await beams.search([{ input: Array(48).fill(3), options, history: [3] }])
    assert.ok(last!.length > 0 && last!.every(({ ids }) => ids.length <= 1))
    await beams.search([{ input: Array(49).fill(3), options, history: [3] }]).then(
      () => assert.unreachable(),
      (error) => assert.instance(error, InputError),
    )
    beams.dispose()
    replies.decoder.dispose()
  })
})

/** The logits after a whole prompt, with a cache of its own. */
async function logitsAfter(gpu: Gpu, model: GptModel, prompt: PlacedPrompt): Promise<Float32Array> {
  const run = new Run(gpu, model.weights)
  const cache = model.createCache({ slots: 1 })
  const { id, length, position } = model.first(prompt)
  const logits = await run.submit((pass) => {
    model.start(pass, [prompt], cache, [0])
    const upload = (value: number) => pass.scratch.upload('one', [1], Uint32Array.of(value))
    const slots = upload(0)
    const rows = { ids: upload(id), positions: upload(position!), lengths: upload(length), slots, table: slots }
    return model.step(pass, cache, { sequences: 1, newRows: 1, ...rows })
  })
  const values = await gpu.readF32(logits)
  run.dispose()
  cache.dispose()
  return values.subarray(0, model.config.vocabSize)
}

function greedy(replies: ReplyScheduler, start: ReplyStart): Promise<Pick<Hypothesis, 'ids' | 'finishReason'>> {
  const ids: number[] = []
  return new Promise((resolve, reject) =>
    replies.add({
      ...start,
      encoded: () => {},
      drawn: (id) => void ids.push(id),
      finished: (finishReason) => resolve({ ids, finishReason }),
      failed: reject,
    }),
  )
}
