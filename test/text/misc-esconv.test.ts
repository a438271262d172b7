import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { esconvFeatures, readEsconv } from '../../src/text/misc-esconv.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { fixture, readJsonLines } from '../fixtures.js'
import { sharedPath, skipWithoutShared } from '../shared.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const tokenizer = await Tokenizer.load(fixture('tokenizer'))
const DATA = fixture('text', 'misc-esconv')

async function agrees(data: string, golden: string, count: number) {
  const rows = await readEsconv(data, 'dev')
  const expected = readJsonLines(golden)
  assert.is(expected.length, count)
  for (const want of expected) assert.equal(await esconvFeatures(tokenizer, rows[Number(want.row)]!), want)
}

const esconv = suite('misc-esconv')

esconv('every key of a row is what the authors’ program makes of it', () =>
  agrees(DATA, fixture('text', 'features.jsonl'), 5),
)

esconv('a row is context, reply and blocks', async () => {
  const row = (await readEsconv(DATA, 'dev'))[2]!
  assert.is(row.context.length, 1)
  assert.equal(row.context[0], { emotion: row.reply.emotion, speaker: 'seeker', text: 'hello' })
  assert.is(row.reply.speaker, 'supporter')
  assert.match(row.reply.text, /^\[\w/)
  assert.match(row.postBlocks[0]!, /^\[xAttr\] \w/)
})

esconv('files that cannot be right are refused', async () => {
  const copy = (change: Record<string, string>) => {
    const folder = tempFolder()
    cpSync(DATA, folder, { recursive: true })
    for (const [name, text] of Object.entries(change)) writeFileSync(join(folder, name), text)
    return folder
  }
  await refused(() => readEsconv(DATA, 'test'), /testWithStrategy_short\.tsv: no such file.*; give the folder/)
  await refused(() => readEsconv(copy({ 'devComet.txt': 'a\n' }), 'dev'), /devComet\.txt has 1 lines, .* 5/)
  const one = { 'devComet.txt': '\n', 'devComet_st.txt': '\n' }
  for (const line of ['hello', '1 2 3 hi', 'x 0 1 hi', '1 0 1 hi EOS ', '']) {
    const folder = copy({ ...one, 'devWithStrategy_short.tsv': `${line}\n` })
    await refused(() => readEsconv(folder, 'dev'), /dev row 0: expected “emotion role turn text”/)
  }
})

esconv('a reply without a strategy and a context without the seeker', async () => {
  const folder = tempFolder()
  writeFileSync(join(folder, 'devWithStrategy_short.tsv'), '3 1 1 hi EOS 3 1 2 hello')
  for (const name of ['devComet.txt', 'devComet_st.txt']) writeFileSync(join(folder, name), '\n')
  const ids = await esconvFeatures(tokenizer, (await readEsconv(folder, 'dev'))[0]!)
  assert.equal([ids.strategy_id, ids.last_seeker_post, ids.emotion], [null, null, 3])
  assert.equal(ids.input_ids, [54961, 792, 2])
  assert.equal([...new Set([...ids.post_block_ids.flat(), ...ids.post_block_mask])], [0])
})

esconv.run()

const all = skipWithoutShared(suite('misc-esconv, all'), 'the authors’ features of 64 rows')
all('agrees with the authors on every row', () =>
  agrees(sharedPath('data', 'misc-esconv')!, sharedPath('golden', 'text', 'features.dev.jsonl')!, 64),
)
all.run()
