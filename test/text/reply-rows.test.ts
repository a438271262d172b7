import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { packagedModel } from '../../src/engine/misc.js'
import { readReplyRows, replyIds } from '../../src/text/reply-rows.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { fixture } from '../fixtures.js'
import { sharedPath } from '../shared.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const rows = suite('text/reply-rows')

/** A folder with a test.jsonl of these conversations. */
function esconv(...dialogs: readonly (readonly [speaker: string, text: string])[][]): string {
  const folder = tempFolder()
  const lines = dialogs.map((dialog) =>
    JSON.stringify({ dialog: dialog.map(([speaker, text]) => ({ speaker, text })) }),
  )
  writeFileSync(join(folder, 'test.jsonl'), `${lines.join('\n')}\n`)
  return folder
}

rows('ESConv: every supporter’s turn after a seeker’s, with all that was said before', async () => {
  const folder = esconv(
    [
      ['sys', 'hello'],
      ['usr', ' i am low '],
      ['sys', 'why?'],
      ['sys', '  '],
      ['sys', 'tell me'],
    ],
    [
      ['usr', 'hi'],
      ['sys', 'hey'],
    ],
  )
  const found = await readReplyRows(folder, 'test')
  assert.equal(
    found.map(({ utterances, reply }) => [utterances, reply]),
    [
      [['hello', 'i am low'], 'why?'],
      [['hello', 'i am low', 'why?', ''], 'tell me'],
      [['hi'], 'hey'],
    ],
  )
  assert.is((await readReplyRows(folder, 'test', 2)).length, 2)
})

rows('misc-esconv: every line, with its blocks; a reply’s ids are without its strategy', async () => {
  const [row, ...others] = await readReplyRows(fixture('text', 'misc-esconv'), 'dev')
  assert.is(others.length, 4)
  assert.ok(row!.postBlocks.length > 0 && row!.situationBlocks.length > 0)
  const tokenizer = await Tokenizer.load(packagedModel)
  const ids = await replyIds(tokenizer, row!, { maxPositions: 20 })
  assert.ok(ids.contextIds.length <= 20 && ids.replyIds.length <= 20)
  assert.is(ids.replyIds.at(-1), tokenizer.eosId)
  assert.ok(ids.replyIds.every((id) => id < tokenizer.baseVocabSize))
})

rows('the first 200 rows of ESConv’s test are those that misc-mini was measured on', async () => {
  const folder = sharedPath('data', 'esconv')
  if (!folder) return
  const found = await readReplyRows(folder, 'test')
  // As its card counts them.
  assert.is(found.length, 2794)
  assert.is(found[0]!.reply.slice(0, 10), 'Okay. I am')
})

rows('what is wrong is named', async () => {
  await refused(() => readReplyRows(tempFolder(), 'test'), /holds no test rows; give a folder with ESConv/)
  const broken = (text: string) => {
    const folder = tempFolder()
    writeFileSync(join(folder, 'test.jsonl'), text)
    return readReplyRows(folder, 'test')
  }
  await refused(() => broken('{"dialog": []}\nno'), /test\.jsonl, line 2: not JSON/)
  await refused(() => broken('[]'), /line 1: has no list “dialog”/)
  await refused(() => broken('null'), /line 1: has no list “dialog”/)
  await refused(() => broken('{"dialog": [{"speaker": "me", "text": "x"}]}'), /expected a turn of speaker usr or sys/)
  await refused(() => broken('{"dialog": [null]}'), /got null/)
})

rows.run()
