import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readRepliesToCompare } from '../../src/text/replies-to-compare.js'
import { STRATEGIES } from '../../src/text/strategies.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const compare = suite('text/replies-to-compare')
const folder = tempFolder()
const file = (name: string, text: string) => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const two = file('two.json', '["a", ""]')
const probs = (values: number[]) => Object.fromEntries(STRATEGIES.map((name, i) => [name, values[i]]))
/** Two replies with these strategies, as JSON Lines. */
const strategies = (...lines: unknown[]) =>
  readRepliesToCompare({
    hypotheses: two,
    references: two,
    strategies: file('strategies.jsonl', lines.map((line) => JSON.stringify(line)).join('\n')),
  })

compare('texts, and what misc generate prints; lists and JSON Lines', async () => {
  const hypotheses = file(
    'replies.jsonl',
    '{"text": "so do i", "ids": [1], "strategy": null}\n{"text": "", "ids": []}\n',
  )
  assert.equal(await readRepliesToCompare({ hypotheses, references: two }), {
    hypotheses: ['so do i', ''],
    references: ['a', ''],
  })
})

compare('strategies by name, in brackets, in other spellings, or with probabilities', async () => {
  const hypothesis = { probs: probs([0.1, 0.1, 0, 0.2, 0.4, 0, 0.2, 0]), predicted: 'Others' }
  const read = await strategies(
    { reference: '[Questions]', hypothesis: 'Other' },
    { reference: 'Information', hypothesis },
  )
  const order = [4, 3, 6, 0, 1, 2, 5, 7].map((i) => STRATEGIES[i]!)
  assert.equal(read.strategies, [
    { reference: 'Question', ranking: ['Others'] },
    { reference: 'Information', ranking: order },
  ])
})

compare('files of different lengths, and empty ones', async () => {
  const one = file('one.json', '["a"]')
  await refused(
    () => readRepliesToCompare({ hypotheses: two, references: one }),
    /two\.json holds 2 entries and .*one\.json 1: the n-th of each belong together/,
  )
  await refused(
    () => strategies({ reference: 'Others', hypothesis: 'Others' }),
    /two\.json holds 2 .*strategies\.jsonl 1:/,
  )
  const empty = file('empty.json', '[]')
  await refused(() => readRepliesToCompare({ hypotheses: empty, references: empty }), /empty\.json: holds no replies/)
})

compare('a reply that is none, or too long, with its line', async () => {
  const refusedReply = (entry: unknown, ...patterns: RegExp[]) => {
    const references = file('bad.json', JSON.stringify(['a', entry], null, 1))
    return refused(() => readRepliesToCompare({ hypotheses: two, references }), /bad\.json, line 3: /, ...patterns)
  }
  for (const value of [null, 3, ['a'], {}, { text: 3 }]) {
    await refusedReply(value, /expected a reply, as a string or as an object with its text, got /)
  }
  await refusedReply('x'.repeat(10_001), /a reply of 10001 characters, more than the limit of 10000/)
})

compare('strategies ranked by name, and by logits in the order of their ids', async () => {
  const reference = '[Others]'
  const { strategies: read } = await strategies(
    { reference, hypothesis: ['[Question]', 'Others'] },
    { reference, hypothesis: { logits: [-3, 1e9, 0, 0.5, 2, -1, -2, 3] } },
  )
  const ranked = [1, 7, 4, 3, 2, 5, 6, 0].map((i) => STRATEGIES[i])
  assert.equal(
    read!.map(({ ranking }) => ranking),
    [['Question', 'Others'], ranked],
  )
  const refusedHypothesis = (hypothesis: unknown, pattern: RegExp) =>
    refused(
      () => strategies({ reference, hypothesis: 'Others' }, { reference, hypothesis }),
      /strategies\.jsonl, line 2: /,
      pattern,
    )
  await refusedHypothesis([], /expected 1 to 8 strategies, likeliest first, got 0$/)
  await refusedHypothesis(Array(9).fill('Others'), /expected 1 to 8 strategies, likeliest first, got 9$/)
  await refusedHypothesis(['Others', 'Question', '[Others]'], /hypothesis: Others is there twice$/)
  await refusedHypothesis(['Others', 5], /hypothesis\[1\]: expected a strategy .*, got 5$/)
  for (const logits of [null, {}, [1, 2], Array(8).fill('1'), Array(8).fill(null), Array(9).fill(0)]) {
    await refusedHypothesis({ logits }, /hypothesis\.logits: expected 8 numbers, got /)
  }
  await refusedHypothesis({ logits: Array(8).fill(0), probs: {} }, /probs and logits: give one of them$/)
})

compare('a strategy that is none, and probabilities that are none, with their line', async () => {
  const good = { reference: 'Others', hypothesis: 'Others' }
  const refusedStrategy = (entry: unknown, pattern: RegExp) =>
    refused(() => strategies(good, entry), /strategies\.jsonl, line 2: /, pattern)
  for (const entry of [null, 3, 'Others', [], { hypothesis: 'Others' }]) {
    await refusedStrategy(entry, /reference: expected a strategy \(Question, .*\), got nothing$/)
  }
  await refusedStrategy({ reference: '[Greeting]', hypothesis: 'Others' }, /reference: .* got "\[Greeting\]"$/)
  await refusedStrategy({ reference: 'Others' }, /hypothesis: .* got nothing$/)
  await refusedStrategy({ reference: 'Others', hypothesis: 'toString' }, /hypothesis: .* got "toString"$/)
  const withProbs = (given: unknown) => ({ reference: 'Others', hypothesis: { probs: given } })
  const missing = probs([1, 0, 0, 0, 0, 0, 0])
  await refusedStrategy(
    withProbs(missing),
    /hypothesis\.probs: expected a probability of Providing Suggestions, got nothing$/,
  )
  for (const value of [-0.1, 1.5, '1', null]) {
    await refusedStrategy(withProbs({ ...probs(Array(8).fill(0)), Question: value }), /a probability of Question, got /)
  }
  await refusedStrategy(withProbs({ ...probs(Array(8).fill(0)), Joy: 0 }), /hypothesis\.probs: expected a strategy/)
  for (const value of [null, 3, []]) await refusedStrategy(withProbs(value), /a probability of Question, got nothing$/)
})

compare.run()
