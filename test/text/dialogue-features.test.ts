import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { dialogueFeatures } from '../../src/text/dialogue-features.js'
import { textFeatures } from '../../src/text/features.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { fixture } from '../fixtures.js'

const tokenizer = await Tokenizer.load(fixture('tokenizer'))
const features = suite('dialogue-features')
const CLS = 54961
const EOS = 2
/** The id of the word "a". */
const A = 12

const words = (count: number, word = 'a') => `${word} `.repeat(count)
const saying = (...texts: string[]) => texts.map((text) => ({ speaker: 'seeker' as const, text }))
const context = async (maxPositions: number, ...texts: string[]) => {
  const { contextIds, cut } = await dialogueFeatures(tokenizer, { dialogue: saying(...texts) }, { maxPositions })
  return { contextIds, cut }
}

features('a dialogue: [CLS], each utterance without added tokens, EOS; blocks ragged', async () => {
  const ids = await dialogueFeatures(tokenizer, {
    situation: 'not in the ids',
    dialogue: [
      { speaker: 'supporter', strategy: 'Question', text: '[Question] hi' },
      { speaker: 'seeker', text: 'i am sad' },
    ],
    blocks: {
      post: [
        { relation: 'xReact', tail: 'sad' },
        { relation: 'oWant', tail: 'a '.repeat(20) },
      ],
      situation: [{ relation: 'xAttr', tail: '' }],
    },
  })
  const [hi, i, am, sad] = await tokenizer.encode('hi i am sad')
  assert.equal(ids, {
    contextIds: [CLS, hi, EOS, i, am, sad, EOS],
    postBlocks: [
      [54956, sad],
      [54958, A, A, A, A, A, A, A, A, A],
    ],
    situationBlocks: [[54952]],
    cut: { utterances: 0, ids: 0 },
  })
})

features('no blocks are no blocks', async () => {
  const { postBlocks, situationBlocks } = await dialogueFeatures(tokenizer, { dialogue: saying('hi') })
  assert.equal([postBlocks, situationBlocks], [[], []])
})

features('of a last post that alone is too long, the last ids stay; what goes is counted', async () => {
  const [joy] = await tokenizer.encode('joy')
  const alone = await context(512, `${words(750)} ${words(10, 'joy')}`)
  assert.equal(alone.contextIds, [CLS, ...new Array(500).fill(A), ...new Array(10).fill(joy), EOS])
  assert.equal(alone.cut, { utterances: 0, ids: 250 })

  // As long as the positions, and one less than that: with [CLS] in front there is room for 511 ids.
  assert.equal(await context(512, 'hi', words(511)), {
    contextIds: [CLS, ...new Array(510).fill(A), EOS],
    cut: { utterances: 1, ids: 3 },
  })
  assert.equal(await context(512, 'hi', words(510)), {
    contextIds: [CLS, ...new Array(510).fill(A), EOS],
    cut: { utterances: 1, ids: 2 },
  })
  // Nothing after it, or EOS written out at its end, makes it count as cut.
  assert.equal((await context(8, words(20), '')).contextIds, [CLS, A, A, A, A, A, EOS, EOS])
  assert.equal((await context(8, `${words(20)} __end__`)).contextIds, [CLS, A, A, A, A, A, EOS, EOS])
})

features('otherwise the context is the authors’, and whole utterances are counted', async () => {
  assert.equal(await context(6, 'a a', 'a'), { contextIds: [CLS, A, A, EOS, A, EOS], cut: { utterances: 0, ids: 0 } })
  // Exactly as many ids as positions: [CLS] takes the place of the first.
  assert.equal(await context(5, 'a a', 'a'), { contextIds: [CLS, A, EOS, A, EOS], cut: { utterances: 0, ids: 1 } })
  assert.equal(await context(4, 'a a', 'a'), { contextIds: [CLS, A, EOS], cut: { utterances: 1, ids: 3 } })
  assert.equal(await context(9, '[Question] a [CLS]'), { contextIds: [CLS, A, EOS], cut: { utterances: 0, ids: 0 } })
  assert.equal(await context(1, 'a'), { contextIds: [CLS], cut: { utterances: 1, ids: 2 } })
  assert.equal(await context(9, ''), { contextIds: [CLS, EOS], cut: { utterances: 0, ids: 0 } })
  for (let maxPositions = 3; maxPositions < 40; maxPositions++) {
    const utterances = ['a a a', 'a', '[Question]', 'a a a a a', 'a '.repeat(maxPositions - 3)]
    const { contextIds } = await textFeatures(
      tokenizer,
      { utterances, postBlocks: [], situationBlocks: [] },
      { maxPositions },
    )
    // Of the last one two ids fewer fit than the model has positions, for [CLS] and EOS.
    if (contextIds.length > 2) assert.equal((await context(maxPositions, ...utterances)).contextIds, contextIds)
  }
})

features(
  'of 10,000 long utterances no more is turned into ids than fits; what was not read counts as utterances',
  async () => {
    const encoded: string[] = []
    const counting = Object.assign(await Tokenizer.load(fixture('tokenizer')), {
      encodeBatch: (texts: readonly string[]) => {
        encoded.push(...texts)
        return tokenizer.encodeBatch(texts)
      },
    })
    const read = async (dialogue: ReturnType<typeof saying>) => {
      encoded.length = 0
      const { cut, contextIds } = await dialogueFeatures(counting, { dialogue }, { maxPositions: 512 })
      return { cut, length: contextIds.length, characters: encoded.join('').length }
    }
    // 200 ids each: two fit. A batch takes 40 of them.
    const long = saying(...new Array<string>(10_000).fill(words(199)))
    assert.equal(await read(long), { cut: { utterances: 9_998, ids: 38 * 200 }, length: 401, characters: 40 * 398 })
    // Each longer than a batch, and longer than fits: one is read.
    const longer = saying(...new Array<string>(10_000).fill(words(20_000)))
    assert.equal(await read(longer), { cut: { utterances: 9_999, ids: 19_490 }, length: 512, characters: 40_000 })
    // One that gives no ids is no reason to stop.
    const spaces = await read([...saying('a'), ...saying(' '.repeat(20_000), ' '.repeat(20_000))])
    assert.equal(spaces, { cut: { utterances: 0, ids: 0 }, length: 5, characters: 40_001 })
  },
)

features.run()
