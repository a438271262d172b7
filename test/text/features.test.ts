import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { contextIds, idsFeatures, textFeatures } from '../../src/text/features.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { fixture } from '../fixtures.js'
import { refused } from '../throws.js'

const tokenizer = await Tokenizer.load(fixture('tokenizer'))
const features = suite('features')
const CLS = 54961
const EOS = 2

features('limits come from outside', async () => {
  const block = '[xReact] very very sad'
  const texts = {
    utterances: ['a a a', 'a a'],
    postBlocks: [block, block, block],
    situationBlocks: [block, block, block],
  }
  const limits = { maxPositions: 5, postBlocks: 2, situationBlocks: 1, blockLength: 3 }
  const ids = await textFeatures(tokenizer, texts, limits)
  assert.equal(ids.contextIds, [CLS, 12, 12, EOS])
  assert.equal([ids.postBlocks.length, ids.situationBlocks.length], [2, 1])
  assert.is(ids.postBlocks[0]?.length, 3)
  const given = { context: ids.contextIds, post: ids.postBlocks, situation: ids.situationBlocks }
  assert.equal(idsFeatures({ ids: given }, tokenizer.vocabSize, limits), ids)
})

features('the context is cut at an utterance, oldest first', () => {
  const context = (utterances: number[][], maxPositions: number) => contextIds(utterances, tokenizer, maxPositions)
  // Below the limit, [CLS] goes in front; at the limit it takes the first id's place.
  assert.equal(context([[7, 8], [9]], 6), [CLS, 7, 8, EOS, 9, EOS])
  assert.equal(context([[7, 8], [9]], 5), [CLS, 8, EOS, 9, EOS])
  // Above, all up to the first EOS among the last ids goes.
  assert.equal(context([[7, 8], [9]], 4), [CLS, 9, EOS])
  assert.equal(context([[7, 8], [9]], 3), [CLS, 9, EOS])
  assert.equal(context([[7, 8, 9]], 3), [CLS])
  assert.equal(context([[54945, 7, CLS]], 9), [CLS, 7, EOS])
})

features('the context never exceeds the limit and always starts with [CLS]', () => {
  for (let maxPositions = 1; maxPositions < 12; maxPositions++) {
    for (let length = 0; length < 30; length++) {
      const ids = contextIds([[7, 7, 7], new Array(length).fill(8), [9]], tokenizer, maxPositions)
      assert.ok(ids.length <= maxPositions, `${ids.length} ids at a limit of ${maxPositions}`)
      assert.is(ids.lastIndexOf(CLS), 0)
    }
  }
})

features('ids given directly are checked, never cut', async () => {
  const good = { context: [CLS, 7, EOS], post: [[54956, 9]] }
  const check = (change: object) => () => idsFeatures({ ids: { ...good, ...change } }, tokenizer.vocabSize)
  assert.equal(check({})(), { contextIds: good.context, postBlocks: good.post, situationBlocks: [] })
  assert.not.throws(check({ context: new Array(512).fill(7) }))
  await refused(check({ context: new Array(513).fill(7) }), /ids\.context has 513 ids, more than the model's 512/)
  await refused(check({ context: [] }), /ids\.context is empty/)
  await refused(check({ context: [CLS, 54962] }), /ids\.context\[1\] is 54962, expected an id from 0 to 54961/)
  await refused(check({ context: [CLS, '7'] }), /ids\.context\[1\] is "7"/)
  await refused(check({ context: [null] }), /ids\.context\[0\] is null/)
  await refused(check({ post: [[7], [-1]] }), /ids\.post\[1\]\[0\] is -1/)
  await refused(check({ roles: [4] }), /ids\.roles are what Transformer, MoEL and MIME read: this model has none/)
  await refused(check({ post: [[]] }), /ids\.post\[0\] is empty/)
  await refused(check({ post: new Array(31).fill([7]) }), /ids\.post has 31 blocks, more than the model's 30/)
  await refused(check({ situation: new Array(21).fill([7]) }), /ids\.situation has 21 blocks.* 20/)
  await refused(check({ situation: [new Array(11).fill(7)] }), /ids\.situation\[0\] has 11 ids.* 10/)
})

features.run()
