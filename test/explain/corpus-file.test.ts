import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readPredictions } from '../../src/explain/corpus-file.js'
import type { EsconvRow } from '../../src/text/esconv-row.js'
import { STRATEGIES, type StrategyName } from '../../src/text/strategies.js'
import { filesFolder } from '../files-folder.js'
import { refused } from '../throws.js'

const files = suite('explain/corpus-file')
const row = (strategy: StrategyName | null) => ({ reply: { strategy } }) as EsconvRow
const rows = [row('Question'), row(null)]
const entry = (reference: string, hypothesis: string) => ({
  reference: `[${reference}]`,
  hypothesis: `[${hypothesis}]`,
})
const folder = filesFolder({
  'best.json': [entry('Question', 'Others'), entry('Information', 'Information'), entry('Others', 'Others')],
  'logits.txt': `${STRATEGIES.map((_, i) => i).join('\t')}\n${STRATEGIES.map((_, i) => -i).join('\t')}\n`,
  'torn.txt': '1 2 3 4 5 6 7 8\n1 2 3',
  'words.txt': '1 2 3 4 5 6 7 eight',
})
const read = (name: string, all = rows, isWhole = false) => readPredictions(join(folder, name), all, isWhole)

files('the likeliest alone, of the first rows of more', async () => {
  assert.equal(await read('best.json'), [['Others'], ['Information']])
})

files('logits as the authors’ program writes them: all eight, likeliest first', async () => {
  assert.equal(await read('logits.txt', rows, true), [[...STRATEGIES].reverse(), [...STRATEGIES]])
})

files('another number of entries, an entry of another reply and a line that is no logits are named', async () => {
  await refused(() => read('best.json', rows, true), /best\.json holds 3 entries and the split has 2 rows: the n-th/)
  await refused(() => read('logits.txt', [...rows, ...rows]), /logits\.txt holds 2 entries and the split has 4 rows/)
  await refused(
    () => read('best.json', [row('Others'), row(null)]),
    /best\.json, line 1: is of a reply in Question, row 0 of the split in Others/,
  )
  await refused(() => read('torn.txt'), /torn\.txt, line 2: expected the logits of 8 strategies, got "?1 2 3/)
  await refused(() => read('words.txt'), /words\.txt, line 1: expected the logits of 8 strategies/)
  await refused(() => read('missing.json'), /missing\.json/)
})

files.run()
