import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readReplyRows } from '../../src/text/reply-rows.js'
import { fixture } from '../fixtures.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const rows = suite('text/reply-rows')
const DATA = fixture('text', 'misc-esconv')

rows('misc-esconv: every line, with its blocks', async () => {
  const [row, ...others] = await readReplyRows(DATA, 'dev')
  assert.is(others.length, 4)
  assert.ok(row!.postBlocks.length > 0 && row!.situationBlocks.length > 0)
  assert.is((await readReplyRows(DATA, 'dev', 2)).length, 2)
})

rows('misc-esconv has a train split too', async () => {
  const folder = tempFolder()
  for (const name of ['WithStrategy_short.tsv', 'Comet.txt', 'Comet_st.txt']) {
    cpSync(join(DATA, `dev${name}`), join(folder, `train${name}`))
  }
  const found = await readReplyRows(folder, 'train')
  assert.equal([found.length, found[0]!.split], [5, 'train'])
})

rows('a folder without the split is refused, and what is missing named', async () => {
  await refused(() => readReplyRows(DATA, 'test'), /testWithStrategy_short\.tsv: no such file.*; give the folder/)
  await refused(() => readReplyRows(tempFolder(), 'test'), /holds no test rows; give a folder with ESConv\.json, /)
  await refused(() => readReplyRows(join(DATA, 'nowhere'), 'test'), /nowhere: no such file; check the path/)
})

rows.run()
