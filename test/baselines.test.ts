/** The paper's baselines as reference/ trains them: its PyTorch agrees with the goldens, and the engine with what it exports. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { describeFolder } from '../src/engine/load-model.js'
import { openSafetensors } from '../src/io/safetensors.js'
import type { ContextIds } from '../src/models/listeners/model.js'
import { readReplies, rowReader } from '../src/validate/replies.js'
import { fixture, readJsonLines } from './fixtures.js'
import { firstGpuSuite } from './gpu.js'
import { skipWithoutTorch, torchPython } from './python.js'
import { validated } from './validate/validated.js'

const folder = fixture('mime-exported')
const caseFile = fixture('mime-exported', 'case0.safetensors')
const reference = fileURLToPath(new URL('../reference/', import.meta.url))

const baselines = suite('reference/baselines')

baselines('text has the ids that the exported model was trained on', async () => {
  const reader = await rowReader(folder, await describeFolder(folder))
  const { replies } = await readReplies(reader, { data: folder, split: 'test' })
  await using file = await openSafetensors(caseFile)
  const [ids, roles, labels] = await Promise.all(
    ['input_ids', 'role_ids', 'labels'].map(async (name) => {
      const { shape } = file.tensors.get(name)!
      const values = await file.readI64(name)
      return (row: number) => values.slice(row * shape[1]!, (row + 1) * shape[1]!)
    }),
  )
  const pad = 1
  for (const [row, { input, reply }] of replies.entries()) {
    const read = input as ContextIds
    assert.equal(
      read.ids,
      ids!(row).filter((id) => id !== pad),
    )
    assert.equal(
      read.roles,
      roles!(row).filter((id) => id !== pad),
    )
    assert.equal(
      reply,
      labels!(row).filter((id) => id !== pad),
    )
  }
  assert.is(replies.length, 3)
})

const python = (...args: string[]) => execFileSync(torchPython()!, args, { cwd: reference, encoding: 'utf8' })

const withTorch = skipWithoutTorch(baselines, 'reference/baselines.py is compared with the goldens')

withTorch('PyTorch agrees with the goldens', async () => {
  const lines = python('check_baselines.py', fixture('golden')).trim().split('\n')
  assert.is(lines.filter((line) => line.includes('log_probs')).length, 8)
})

withTorch('words are cut as NLTK cuts them', async () => {
  const script = [
    'import json, sys, words',
    'for line in sys.argv[1:]: print(json.dumps([words.treebank_words(s) for s in words.sentences(words.clean(line))]))',
  ].join('\n')
  const rows = readJsonLines(fixture('text', 'words.jsonl')) as { text: string; cut: { words: string }[] }[]
  const found = python('-c', script, ...rows.map(({ text }) => text))
    .trim()
    .split('\n')
  assert.equal(
    found.map((line) => (JSON.parse(line) as string[][]).map((words) => words.join(' '))),
    rows.map(({ cut }) => cut.map(({ words }) => words)),
  )
})

baselines.run()

firstGpuSuite('an exported baseline', (test) => {
  test('agrees with PyTorch at every stage', async (gpu) => {
    const reports = await validated(gpu, folder, [caseFile])
    assert.equal(
      reports.map(({ mode }) => mode),
      ['full', 'cached'],
    )
    for (const { mode, stages, argmax_agreement } of reports) {
      assert.equal(
        stages.filter(({ ok }) => !ok).map(({ name }) => name),
        [],
        mode,
      )
      assert.is(argmax_agreement, 1)
    }
  })
})
