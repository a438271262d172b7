import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CometQueries } from '../../src/text/comet-queries.js'
import { COMET_2019_TOKENS } from '../../src/text/gpt-codec.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { filesFolder } from '../files-folder.js'
import { fixture } from '../fixtures.js'
import { refused } from '../throws.js'

const vocabulary = (tokens: readonly string[]) => Object.fromEntries(tokens.map((token, id) => [token, id]))
const ids = (queries: readonly { ids: readonly number[] }[]) => queries.map((query) => query.ids)

const bart = suite('COMET-BART’s queries')

// 4 a, 5 b, 6 Ġ, 7 Ġb, 8 [, 9 G, 10 E, 11 N, 12 ].
const BART = {
  'vocab.json': vocabulary(['<s>', '<pad>', '</s>', '<unk>', 'a', 'b', 'Ġ', 'Ġb', '[', 'G', 'E', 'N', ']']),
  'merges.txt': 'Ġ b\n',
}
const RELATIONS = { xReact: 13, xWant: 14, HinderedBy: 15 }
const loadBart = async (added: Record<string, number>, options: { gen?: boolean; maxPositions?: number } = {}) =>
  new CometQueries(await Tokenizer.load(filesFolder({ ...BART, 'added_tokens.json': added })), {
    maxPositions: 64,
    ...options,
  })

bart('[GEN] as its files say', async () => {
  const demo = await loadBart({ ...RELATIONS, '[GEN]': 16 })
  assert.is(demo.kind, 'comet-bart')
  assert.equal(demo.relations, ['xReact', 'xWant'])
  assert.equal(await demo.of(['a b', 'a'], ['xReact', 'HinderedBy']), [
    { relation: 'xReact', ids: [0, 4, 7, 13, 16, 2], positions: [0, 1, 2, 3, 4, 5], cut: 0 },
    { relation: 'HinderedBy', ids: [0, 4, 7, 15, 16, 2], positions: [0, 1, 2, 3, 4, 5], cut: 0 },
    { relation: 'xReact', ids: [0, 4, 13, 16, 2], positions: [0, 1, 2, 3, 4], cut: 0 },
    { relation: 'HinderedBy', ids: [0, 4, 15, 16, 2], positions: [0, 1, 2, 3, 4], cut: 0 },
  ])
  const aaai = await loadBart(RELATIONS)
  assert.equal(ids(await aaai.of(['a b'])), [
    [0, 4, 7, 13, 2],
    [0, 4, 7, 14, 2],
  ])
})

bart('[GEN] as the caller says', async () => {
  const without = await loadBart({ ...RELATIONS, '[GEN]': 16 }, { gen: false })
  assert.equal(ids(await without.of(['a'], ['xReact'])), [[0, 4, 13, 2]])
  const asText = await loadBart(RELATIONS, { gen: true })
  assert.equal(ids(await asText.of(['a'], ['xReact'])), [[0, 4, 13, 8, 9, 10, 11, 12, 2]])
})

bart('of a long event the end goes', async () => {
  const comet = await loadBart({ ...RELATIONS, '[GEN]': 16 }, { maxPositions: 8 })
  const [fits, long] = await comet.of(['a b b', 'a b b aaab'], ['xReact'])
  assert.equal([fits!.ids, fits!.cut], [[0, 4, 7, 7, 13, 16, 2], 0])
  assert.equal([long!.ids, long!.cut], [[0, 4, 7, 7, 6, 13, 16, 2], 4])
  const [asText] = await (await loadBart(RELATIONS, { gen: true, maxPositions: 8 })).of(['a b b'], ['xWant'])
  assert.equal([asText!.ids, asText!.cut], [[0, 14, 8, 9, 10, 11, 12, 2], 3])
})

bart('a tail is what is neither special nor added', async () => {
  const comet = await loadBart({ ...RELATIONS, '[GEN]': 16 })
  assert.is(comet.tail([2, 0, 6, 4, 7, 13, 16, 2, 1, 1]), 'a b')
  assert.is(comet.tail([]), '')
})

bart('a relation that it has not is refused', async () => {
  const comet = await loadBart({ ...RELATIONS, '[GEN]': 16 })
  for (const name of ['xreact', 'a', '', '[GEN]', '[xReact]']) {
    await refused(() => comet.of(['a'], [name]), /has no relation ".*"; of the usual ones it has xReact, xWant$/)
  }
})

bart.run()

const mini = suite('comet-mini’s queries')
// What reference/text.py and data.py's `comet_event` give, and the ids of relations.
const JOB = [14, 436, 41, 594, 6, 9, 14, 8, 57, 1610, 5, 2]
const PARTNER = [41, 1740, 207, 2]
const [X_REACT, O_WANT] = [5767, 5769]
const weights = await Tokenizer.load(fileURLToPath(new URL('../../weights/comet-mini', import.meta.url)))

mini('as reference/text.py and data.py make them in training', async () => {
  const comet = new CometQueries(weights, { maxPositions: 128 })
  assert.is(comet.kind, 'comet-mini')
  assert.is(comet.relations.length, 9)
  const [first, second] = await comet.of(["I lost my job, and I'm scared."], ['xReact', 'oWant'])
  assert.equal(first!.ids, JOB)
  assert.equal(first!.positions, [...JOB.keys()])
  assert.equal([first!.startId, second!.startId], [X_REACT, O_WANT])
  assert.ok(second!.ids === first!.ids, 'what is asked of an event reads it once')
  // An added token in an event is no part of it.
  assert.equal(ids(await comet.of(['my partner [xWant] left'], ['oWant'])), [PARTNER])
})

mini('of a long event the beginning goes', async () => {
  const [query] = await new CometQueries(weights, { maxPositions: 6 }).of(
    ["I lost my job, and I'm scared."],
    ['xReact'],
  )
  assert.equal([query!.ids, query!.cut], [JOB.slice(-6), JOB.length - 6])
})

mini('gen is not for it', async () => {
  await refused(
    () => new CometQueries(weights, { maxPositions: 128, gen: false }),
    /gen is for COMET-BART alone: .*\[xReact\]/,
  )
})

mini('tails', () => {
  assert.is(
    new CometQueries(weights, { maxPositions: 128 }).tail([2, ...JOB, 2, 0, 0]),
    "i lost my job, and i'm scared.",
  )
})

mini.run()

const gpt = suite('COMET-2019’s queries')
// 1 a</w>, 2 b</w>; then <START> 3, <END> 4, <oEffect> 5 … <xReact> 12, <xWant> 13, <blank> 14.
const comet2019 = new CometQueries(
  await Tokenizer.load(filesFolder({ 'vocab.json': vocabulary(['<unk>', 'a</w>', 'b</w>']), 'merges.txt': '' })),
  { maxPositions: 52 },
)

gpt('the event from 0, the relation at 17, nothing between', async () => {
  assert.is(comet2019.kind, 'comet-2019')
  assert.is(comet2019.relations.length, COMET_2019_TOKENS.length - 3)
  assert.equal(await comet2019.of(['A b ___', ''], ['xReact', 'oEffect']), [
    { relation: 'xReact', ids: [1, 2, 14, 12], positions: [0, 1, 2, 17], startId: 12, cut: 0 },
    { relation: 'oEffect', ids: [1, 2, 14, 5], positions: [0, 1, 2, 17], startId: 5, cut: 0 },
    { relation: 'xReact', ids: [12], positions: [17], startId: 12, cut: 0 },
    { relation: 'oEffect', ids: [5], positions: [17], startId: 5, cut: 0 },
  ])
})

gpt('an unknown piece is masked, its position stays taken', async () => {
  const [query] = await comet2019.of(['a z b'], ['xWant'])
  assert.equal(
    [query!.ids, query!.positions],
    [
      [1, 2, 13],
      [0, 2, 17],
    ],
  )
})

gpt('of a long event 17 ids stay', async () => {
  const [query] = await comet2019.of([`${'a '.repeat(17)}b b`], ['xWant'])
  assert.equal(query!.ids, [...new Array(17).fill(1), 13])
  assert.equal(query!.positions, [...new Array(18).keys()])
  assert.is(query!.cut, 2)
})

gpt('tails', () => assert.is(comet2019.tail([1, 14, 2, 0, 4]), 'a ___ b'))

gpt.run()

const other = suite('what is no COMET')

other('is refused', async () => {
  const bartAlone = await Tokenizer.load(filesFolder(BART))
  await refused(
    () => new CometQueries(bartAlone, { maxPositions: 64 }),
    /no COMET: its vocabulary has none of the relations/,
  )
  const small = await Tokenizer.load(fixture('tokenizer'))
  assert.is(new CometQueries(small, { maxPositions: 64 }).kind, 'comet-mini')
})

other.run()
