import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Split } from '../../src/text/esconv-row.js'
import { readMiscEsconv } from '../../src/text/misc-esconv.js'
import { StrategyLabels } from '../../src/text/strategy-labels.js'
import { fixture } from '../fixtures.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const DATA = fixture('text', 'misc-esconv')

const readEsconv = (folder: string, split: Split, labels = new StrategyLabels()) =>
  readMiscEsconv(folder, split, labels, Infinity)

/** A folder with one row of dev. */
function oneRow(line: string): string {
  const folder = tempFolder()
  writeFileSync(join(folder, 'devWithStrategy_short.tsv'), line)
  for (const name of ['devComet.txt', 'devComet_st.txt']) writeFileSync(join(folder, name), '\n')
  return folder
}

const esconv = suite('misc-esconv')

esconv('a row is context, reply and blocks', async () => {
  const row = (await readEsconv(DATA, 'dev'))[2]!
  assert.is(row.context.length, 1)
  assert.equal(row.context[0], { speaker: 'seeker', strategy: null, text: 'hello' })
  assert.equal([row.reply.speaker, row.reply.strategy], ['supporter', 'Question'])
  assert.match(row.reply.text, /^\w/)
  // Its second utterance is the conversation's third.
  assert.equal(row.place, { turn: 3, of: null })
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
  for (const line of [`${'9'.repeat(400)} 0 1 hi`, 'hello', '1 2 3 hi', 'x 0 1 hi', '1 0 1 hi EOS ', '']) {
    const folder = copy({ ...one, 'devWithStrategy_short.tsv': `${line}\n` })
    await refused(() => readEsconv(folder, 'dev'), /dev row 0: expected “emotion role turn text”/)
  }
})

esconv('a label that is no strategy is counted, and kept out of the text', async () => {
  const labels = new StrategyLabels()
  const line =
    '3 1 1 [Greeting] hi EOS 3 0 2 [sighs] i am low EOS 3 1 3 [Questions] why [so]? EOS ' +
    '3 1 4 [Providing Suggestions or Information] rest EOS 3 1 5 [Greeting] bye'
  const [row] = await readEsconv(oneRow(line), 'dev', labels)
  assert.equal(row!.context, [
    { speaker: 'supporter', strategy: null, text: 'hi' },
    // A seeker has no label.
    { speaker: 'seeker', strategy: null, text: '[sighs] i am low' },
    { speaker: 'supporter', strategy: 'Question', text: 'why [so]?' },
    { speaker: 'supporter', strategy: null, text: 'rest' },
  ])
  assert.equal(row!.reply, { speaker: 'supporter', strategy: null, text: 'bye' })
  assert.match(labels.warning!, /^3 supporter turns .*"\[Greeting\]" 2, "\[Providing Suggestions or Information\]" 1$/)
})

esconv.run()
