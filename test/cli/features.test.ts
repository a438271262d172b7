import { copyFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { packagedModel } from '../../src/platform/node/packaged-model.js'
import { JOINT_PROGRAMS } from '../../src/text/joint-programs.js'
import { fixture, readJsonLines } from '../fixtures.js'
import { sharedPath, skipWithoutShared } from '../shared.js'
import { tempFolder } from '../temp.js'
import { misc } from './in-process.js'

const DATA = fixture('text', 'misc-esconv')

async function run(...args: string[]) {
  const { stdout, stderr, status } = await misc(['features', ...args])
  return { lines: stdout.split('\n').slice(0, -1), stderr, status }
}

const features = suite('misc features')

features('--json prints the authors’ ids of every row, key for key', async () => {
  const { lines, stderr, status } = await run(
    ...['--tokenizer', fixture('tokenizer'), '--data', DATA, '--split', 'dev', '--json'],
  )
  assert.equal([stderr, status], ['', 0])
  const golden = readFileSync(fixture('text', 'features.jsonl'), 'utf8').trimEnd().split('\n')
  assert.equal(
    lines,
    golden.map((line) => JSON.stringify(JSON.parse(line))),
  )
})

features('the context is cut to the positions of config.json', async () => {
  const folder = tempFolder()
  for (const file of ['vocab.json', 'merges.txt']) copyFileSync(join(packagedModel(), file), join(folder, file))
  writeFileSync(join(folder, 'config.json'), '{"max_position_embeddings": 40}')
  const args = ['--tokenizer', folder, '--data', DATA, '--split', 'dev']
  const lengths = (await run(...args, '--json')).lines.map((line) => JSON.parse(line).input_ids.length)
  assert.is(lengths.length, 5)
  assert.ok(Math.max(...lengths) <= 40, `lengths ${lengths}`)
  writeFileSync(join(folder, 'config.json'), '{"max_position_embeddings": 0}')
  const refused = await run(...args)
  assert.is(refused.status, 2)
  assert.match(refused.stderr, /^misc: .*config\.json: max_position_embeddings is 0, expected a positive integer\n$/)
})

features('with a tokenizer of BlenderBot-Joint: its program’s ids', async () => {
  const folder = tempFolder()
  cpSync(fixture('tokenizer'), folder, { recursive: true })
  const tokens = JOINT_PROGRAMS.codes_zcj.tokens.map((token, i) => [token, 54944 + i])
  writeFileSync(join(folder, 'added_tokens.json'), JSON.stringify(Object.fromEntries(tokens)))
  const args = ['--tokenizer', folder, '--data', DATA, '--split', 'dev']
  const { lines, stderr, status } = await run(...args, '--json')
  assert.equal([stderr, status, lines.length], ['', 0, 5])
  for (const line of lines) {
    const { input_ids, decoder_input_ids, labels, strategy_id } = JSON.parse(line)
    assert.ok(input_ids.length <= 160 && labels.length <= 41)
    assert.is(labels[0], 54944 + strategy_id)
    assert.equal(decoder_input_ids, [1, ...labels.slice(0, -1)])
  }
  // 102 ids without strategies, [CLS] and the last EOS there were of MISC; the reply's strategy is “Others”.
  const misc = (await run('--tokenizer', fixture('tokenizer'), '--data', DATA, '--split', 'dev', '--json')).lines
  const [mine, theirs] = [JSON.parse(lines[0]!), JSON.parse(misc[0]!)]
  const words = (ids: number[]) => ids.filter((id) => id < 54944)
  assert.equal([...words(mine.input_ids), 2], words(theirs.input_ids))
  assert.equal(mine.labels, [54951, ...theirs.reply_ids])
  assert.match((await run(...args)).lines[0]!, /^row 0: \d+ context ids, Others, 15 label ids$/)
})

features('without --json: a summary for people', async () => {
  const { lines } = await run('--tokenizer', fixture('tokenizer'), '--data', DATA, '--split', 'dev')
  assert.is(lines[0], 'row 0: 102 context ids, 18 post and 13 situation blocks, Others, 14 reply ids')
})

features('ESConv.json as it is published, any split', async () => {
  const turn = (speaker: string, content: string, strategy?: string) => ({
    ...{ speaker, content, annotation: strategy === undefined ? {} : { strategy } },
  })
  const conversations = [...Array(7).keys()].map((i) => ({
    emotion_type: 'sadness',
    dialog: [
      turn('supporter', 'hi', 'Greeting'),
      turn('seeker', 'i am sad\n'),
      turn('supporter', 'a '.repeat(i + 1), 'Other'),
    ],
  }))
  const data = join(tempFolder(), 'ESConv.json')
  writeFileSync(data, JSON.stringify(conversations))
  const lengths: number[][] = []
  for (const split of ['train', 'valid', 'dev', 'test']) {
    const { lines, stderr, status } = await run(
      '--tokenizer',
      fixture('tokenizer'),
      '--data',
      data,
      '--split',
      split,
      '--json',
    )
    assert.is(status, 0, stderr)
    assert.match(stderr, /^misc: .*ESConv\.json: \d supporter turns .*which is left out: "\[Greeting\]" \d\n$/)
    const rows = lines.map((line) => JSON.parse(line))
    for (const row of rows) {
      assert.equal([row.strategy_id, row.emotion, row.last_seeker_post], [4, 4, 'i am sad'])
      assert.equal(row.input_ids, [54961, 792, 2, 14, 195, 3029, 2])
      assert.equal([row.post_block_mask.length, Math.max(...row.post_block_mask)], [30, 0])
    }
    lengths.push(rows.map((row) => row.reply_ids.length - 1))
  }
  assert.equal(lengths, [[6, 5, 2, 7, 3], [4], [4], [1]])
})

features('bad usage ends with 2', async () => {
  assert.is((await run('--tokenizer', packagedModel(), '--data', DATA)).status, 2)
  assert.is((await run('--tokenizer', packagedModel(), '--data', DATA, '--split', 'dev2')).status, 2)
  const missing = await run('--tokenizer', packagedModel(), '--data', DATA, '--split', 'test')
  assert.is(missing.status, 2)
  assert.match(missing.stderr, /^misc: .*testWithStrategy_short\.tsv: no such file.*\n$/)
})

features.run()

const all = skipWithoutShared(suite('misc features, all'), 'all rows of misc-esconv')

all('1764 rows of a split; the golden ones are the authors’', async () => {
  const args = ['--tokenizer', sharedPath('data', 'tokenizer')!, '--data', sharedPath('data', 'misc-esconv')!]
  const { lines } = await run(...args, '--split', 'dev', '--json')
  assert.is(lines.length, 1764)
  for (const want of readJsonLines(sharedPath('golden', 'text', 'features.dev.jsonl')!)) {
    assert.is(lines[Number(want.row)], JSON.stringify(want))
  }
})

all.run()
