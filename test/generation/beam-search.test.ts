import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type BeamOptions, BeamSearch, type Hypothesis } from '../../src/generation/beam-search.js'
import { seededRandom } from '../gpu.js'
import * as reference from '../reference/beam-search.js'
import { bestCandidates } from '../reference/best-candidates.js'
import { logSoftmax } from '../reference/log-softmax.js'

const EOS = 2
const START = 1

const search = suite('beam search')

/** A language: log-probabilities after any ids, drawn from a seed. */
function language(seed: number, vocab: number, spread: number, maxLength?: number) {
  return (ids: readonly number[]): Float32Array => {
    if (maxLength !== undefined && ids.length + 2 === maxLength) {
      return Float32Array.from({ length: vocab }, (_, id) => (id === EOS ? 0 : Number.NEGATIVE_INFINITY))
    }
    const random = seededRandom(ids.reduce((hash, id) => Math.imul(hash, 31) + id + 7, seed))
    return logSoftmax(Array.from({ length: vocab }, () => random() * spread))
  }
}

function run(
  scoresOf: (ids: readonly number[]) => Float32Array,
  options: Partial<BeamOptions>,
  { eosIds = [EOS], onStep = (_: BeamSearch) => {} } = {},
): Hypothesis[] {
  const standard = { numBeams: 2, lengthPenalty: 1, earlyStopping: false, numReturnSequences: 1, maxLength: 8 }
  const all = { ...standard, ...options }
  const it = new BeamSearch(all, eosIds)
  const count = BeamSearch.candidates(all.numBeams, eosIds)
  while (!it.done) {
    it.advance(it.beams.map(({ ids }) => bestCandidates(scoresOf(ids), count)))
    onStep(it)
  }
  return it.finish()
}

/** Log-probabilities by the ids so far, said by hand; what is not said cannot come. */
function byHand(table: Record<string, Record<number, number>>, vocab = 6) {
  return (ids: readonly number[]) => {
    const row = table[ids.join(' ')] ?? {}
    return Float32Array.from({ length: vocab }, (_, id) => row[id] ?? Number.NEGATIVE_INFINITY)
  }
}

search('is transformers’, for random languages and all that can be asked for', async () => {
  const random = seededRandom(7)
  const upTo = (n: number) => Math.floor(random() * n)
  const ends = new Set<string>()
  for (let i = 0; i < 400; i++) {
    const numBeams = 1 + upTo(6)
    const options = {
      numBeams,
      lengthPenalty: [0, 0.65, 1, 2, -0.5][upTo(5)]!,
      earlyStopping: random() < 0.3,
      numReturnSequences: 1 + upTo(numBeams),
      maxLength: 2 + upTo(12),
    }
    const vocab = 2 * numBeams + 2 + upTo(20)
    const forced = random() < 0.5
    const scoresOf = language(i, vocab, 1 + 6 * random(), forced ? options.maxLength : undefined)
    const expected = await reference.beamSearch(
      (sequences) => sequences.map((ids) => scoresOf(ids.slice(1))),
      [START],
      EOS,
      options,
    )
    const found = run(scoresOf, options)
    const told = found.map(({ ids, score }) => ({ ids: [START, ...ids], score }))
    assert.equal(told, expected, JSON.stringify({ i, forced, ...options }))
    for (const { finishReason } of found) ends.add(finishReason)
  }
  assert.equal(ends, new Set(['stop', 'length']))
})

search('with as many beams as there are sequences, it finds the best of all', () => {
  const [vocab, maxLength] = [4, 5]
  for (const lengthPenalty of [0, 0.5, 1, 3]) {
    const scoresOf = language(3, vocab, 4, maxLength)
    const all: { ids: number[]; score: number }[] = []
    const visit = (ids: number[], sum: number) => {
      const scores = scoresOf(ids)
      for (let id = 0; id < vocab; id++) {
        const next = Math.fround(sum + scores[id]!)
        if (next === Number.NEGATIVE_INFINITY) continue
        if (id === EOS) all.push({ ids, score: next / (ids.length + 1) ** lengthPenalty })
        else visit([...ids, id], next)
      }
    }
    visit([], 0)
    all.sort((a, b) => b.score - a.score)
    assert.is(all.length, 1 + 3 + 9 + 27)
    const found = run(scoresOf, { numBeams: 60, numReturnSequences: 60, lengthPenalty, maxLength })
    assert.equal(
      found.map(({ ids, score }) => ({ ids, score })),
      all,
    )
  }
})

search('a hypothesis scores its sum / length^penalty, the start id counted and EOS not', () => {
  const scoresOf = byHand({ '': { 3: -1, 4: -1.5 }, 3: { [EOS]: -2 }, 4: { 5: -1 }, '4 5': { [EOS]: -1 } })
  const options = { numReturnSequences: 2, lengthPenalty: 2 }
  assert.equal(run(scoresOf, options), [
    { ids: [4, 5], score: -3.5 / 9, finishReason: 'stop' },
    { ids: [3], score: -3 / 4, finishReason: 'stop' },
  ])
  assert.equal(run(scoresOf, { ...options, lengthPenalty: 0 })[0], { ids: [3], score: -3, finishReason: 'stop' })
})

search('sums are those of f32', () => {
  const [a, b, c] = [-0.1, -0.2, -1e-9].map(Math.fround)
  const scoresOf = byHand({ '': { 3: a! }, 3: { 4: b! }, '3 4': { [EOS]: c! } })
  const sum = Math.fround(Math.fround(a! + b!) + c!)
  assert.is.not(sum, a! + b! + c!)
  assert.is(run(scoresOf, {})[0]!.score, sum / 3)
})

search('an end counts only among the best numBeams candidates', () => {
  const scoresOf = byHand({ '': { 3: -1, 4: -1.1, [EOS]: -1.2 }, 3: { [EOS]: -5 }, 4: { [EOS]: -6 } })
  assert.equal(
    run(scoresOf, { numReturnSequences: 2 }).map(({ ids }) => ids),
    [[3], [4]],
  )
  assert.equal(run(byHand({ '': { 3: -1, [EOS]: -1.1, 4: -1.2 } }), {})[0]!.ids, [])
})

search('early stopping ends with numBeams finished ones; else a beam that may win goes on', () => {
  const table = {
    '': { 3: -0.1, 4: -0.25 },
    3: { [EOS]: -0.2, 5: -0.4 },
    4: { [EOS]: -0.1 },
    '3 5': { [EOS]: -0.1 },
  }
  let steps = 0
  const onStep = () => {
    steps++
  }
  // Two have ended after the second step: 3 and 4.
  assert.equal(run(byHand(table), { lengthPenalty: 2, earlyStopping: true }, { onStep })[0]!.ids, [3])
  assert.is(steps, 2)
  assert.equal(run(byHand(table), { lengthPenalty: 2, earlyStopping: false }, { onStep })[0]!.ids, [3, 5])
  assert.is(steps, 5)
})

search('what is as long as allowed is told so, ended or not', () => {
  const going = language(5, 9, 2)
  const never = (ids: readonly number[]) => {
    const scores = going(ids)
    scores[EOS] = Number.NEGATIVE_INFINITY
    return scores
  }
  const open = run(never, { maxLength: 4, numReturnSequences: 2 })
  assert.equal(
    open.map(({ ids, finishReason }) => [ids.length, finishReason]),
    [
      [3, 'length'],
      [3, 'length'],
    ],
  )
  const forced = (ids: readonly number[]) => (ids.length < 2 ? never(ids) : byHand({}, 9)(ids).fill(0, EOS, EOS + 1))
  assert.equal(
    run(forced, { maxLength: 4, numReturnSequences: 2 }).map(({ ids, finishReason }) => [ids.length, finishReason]),
    [
      [2, 'length'],
      [2, 'length'],
    ],
  )
})

search('several ids end; where few can go on, fewer are found', () => {
  const scoresOf = byHand({ '': { 3: -1, [EOS]: -1.1, 5: -1.2, 4: -1.3 }, 3: { 5: -0.1 }, 4: { [EOS]: -0.1 } })
  const found = run(scoresOf, { numBeams: 4, numReturnSequences: 4 }, { eosIds: [EOS, 5] })
  assert.equal(
    found.map(({ ids }) => ids),
    [[3], [4], [], []],
  )
  assert.equal(run(byHand({}), { numBeams: 3, numReturnSequences: 3 }), [])
})

search('of equal candidates the better beam’s come first, then the lower id', () => {
  const steps: string[] = []
  const scoresOf = byHand({ '': { 5: -1, 3: -1, 4: -1 }, 3: { 4: -1, 3: -1 }, 4: { 0: -1 } })
  run(
    scoresOf,
    { maxLength: 3 },
    { onStep: ({ beams }) => void steps.push(beams.map((it) => it.ids.join()).join(' ')) },
  )
  assert.equal(steps, ['3 4', '3,3 3,4'])
})

search('what each step looked at is told, kept or not: the 2·numBeams best, by their sums', () => {
  const scoresOf = byHand({
    '': { 3: -1, 4: -2, [EOS]: -3, 5: -4 },
    3: { 3: -8, 5: -9 },
    4: { 3: -1, [EOS]: -1.5, 4: -2 },
  })
  const looked: [string, number][][] = []
  const options = { numBeams: 2, lengthPenalty: 1, earlyStopping: false, numReturnSequences: 2, maxLength: 3 }
  const it = new BeamSearch(
    options,
    [EOS],
    1,
    (ways) => void looked.push(ways.map(({ ids, sum }) => [ids.join(' '), sum])),
  )
  const count = BeamSearch.candidates(options.numBeams, [EOS])
  while (!it.done) it.advance(it.beams.map(({ ids }) => bestCandidates(scoresOf(ids), count)))
  assert.equal(looked, [
    [
      ['3', -1],
      ['4', -2],
      [`${EOS}`, -3],
    ],
    [
      ['4 3', -3],
      [`4 ${EOS}`, -3.5],
      ['4 4', -4],
      ['3 3', -9],
    ],
  ])
})

search('beams know their parents', () => {
  const parents: number[][] = []
  const scoresOf = byHand({ '': { 3: -1, 4: -2 }, 3: { 3: -9 }, 4: { 3: -1, 4: -2 } })
  run(scoresOf, { maxLength: 3 }, { onStep: ({ beams }) => void parents.push(beams.map((it) => it.parent)) })
  assert.equal(parents, [
    [0, 0],
    [1, 1],
  ])
})

search('ids before the first count in every length', () => {
  const options = { numBeams: 1, lengthPenalty: 1, earlyStopping: true, numReturnSequences: 1, maxLength: 12 }
  const it = new BeamSearch(options, [EOS], 9)
  it.advance([[{ id: 3, score: -1 }]])
  it.advance([[{ id: EOS, score: -1 }]])
  assert.ok(it.done)
  assert.equal(it.finish(), [{ ids: [3], score: -2 / 10, finishReason: 'stop' }])
})

search('what is settled never changes, comes as early as it can, and is in the end the best hypothesis', () => {
  let early = 0
  for (let i = 0; i < 200; i++) {
    const numBeams = 1 + (i % 4)
    const lengthPenalty = [0, 0.7, 1, 2, -1][i % 5]!
    const maxLength = 3 + (i % 9)
    const it = new BeamSearch(
      { numBeams, lengthPenalty, earlyStopping: i % 3 === 0, numReturnSequences: 1, maxLength },
      [EOS],
    )
    const scoresOf = language(i, 12, 2 + (i % 10), i % 2 ? maxLength : undefined)
    const told: number[] = []
    // Some are stopped on their way.
    const steps = i % 7 === 6 ? 1 + (i % 5) : 99
    for (let step = 0; step < steps && !it.done; step++) {
      it.advance(it.beams.map(({ ids }) => bestCandidates(scoresOf(ids), numBeams + 1)))
      told.push(...it.settled())
    }
    const before = told.length
    const aborted = !it.done
    const [found] = it.finish(aborted)
    told.push(...it.settled())
    assert.equal(told, found!.ids, `language ${i}`)
    if (aborted) assert.is(found!.finishReason, 'aborted')
    if (before > 0 && before < told.length) early++
  }
  assert.ok(early > 10, `${early} told part of theirs before the end`)
})

search('stopped before its first step, it has found nothing', () => {
  const it = new BeamSearch(
    { numBeams: 2, lengthPenalty: 1, earlyStopping: false, numReturnSequences: 2, maxLength: 5 },
    [EOS],
  )
  assert.equal(it.settled(), [])
  assert.equal(it.finish(true), [])
  assert.ok(it.done)
})

search.run()
