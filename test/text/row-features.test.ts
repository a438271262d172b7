import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { packagedModel } from '../../src/platform/node/packaged-model.js'
import { readReplyRows } from '../../src/text/reply-rows.js'
import { esconvFeatures, replyIds } from '../../src/text/row-features.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { fixture, readJsonLines } from '../fixtures.js'
import { sharedPath, skipWithoutShared } from '../shared.js'
import { tempFolder } from '../temp.js'

const tokenizer = await Tokenizer.load(fixture('tokenizer'))
const DATA = fixture('text', 'misc-esconv')

async function agrees(data: string, golden: string, count: number) {
  const rows = await readReplyRows(data, 'dev')
  const expected = readJsonLines(golden)
  assert.is(expected.length, count)
  for (const want of expected) assert.equal(await esconvFeatures(tokenizer, rows[Number(want.row)]!), want)
}

const features = suite('text/row-features')

features('every key of a row is what the authors’ program makes of it', () =>
  agrees(DATA, fixture('text', 'features.jsonl'), 5),
)

features('a reply without a strategy and a context without the seeker', async () => {
  const folder = tempFolder()
  writeFileSync(join(folder, 'devWithStrategy_short.tsv'), '3 1 1 [Greeting] hi EOS 3 1 2 hello')
  for (const name of ['devComet.txt', 'devComet_st.txt']) writeFileSync(join(folder, name), '\n')
  const ids = await esconvFeatures(tokenizer, (await readReplyRows(folder, 'dev'))[0]!)
  assert.equal([ids.strategy_id, ids.last_seeker_post, ids.emotion], [null, null, 3])
  assert.equal(ids.input_ids, [54961, 792, 2])
  assert.equal([...new Set([...ids.post_block_ids.flat(), ...ids.post_block_mask])], [0])
})

features('within a model’s limits; a reply’s ids are without its strategy', async () => {
  const tokenizer = await Tokenizer.load(packagedModel())
  const ids = await replyIds(tokenizer, (await readReplyRows(DATA, 'dev'))[0]!, { maxPositions: 20 })
  assert.ok(ids.contextIds.length <= 20 && ids.replyIds.length <= 20)
  assert.is(ids.replyIds.at(-1), tokenizer.eosId)
  assert.ok(ids.replyIds.every((id) => id < tokenizer.baseVocabSize))
})

features.run()

const all = skipWithoutShared(suite('text/row-features, all'), 'the authors’ features of 64 rows')
all('agrees with the authors on every row', () =>
  agrees(sharedPath('data', 'misc-esconv')!, sharedPath('golden', 'text', 'features.dev.jsonl')!, 64),
)
all.run()
