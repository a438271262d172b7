import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { packagedModel } from '../../src/platform/node/packaged-model.js'
import { fixture } from '../fixtures.js'
import { goldenModel } from '../golden.js'
import { testAdapters } from '../gpu.js'
import { tempFolder } from '../temp.js'
import { misc } from './in-process.js'
import { misc as spawned } from './run.js'

const evaluate = suite('cli/eval')
const folder = tempFolder()
const file = (name: string, entries: readonly unknown[]) => {
  const path = join(folder, name)
  writeFileSync(path, JSON.stringify(entries, null, 1))
  return path
}
const hypotheses = file('hypotheses.json', ['the cats sat', { text: 'i do' }])
const references = file('references.json', ['the cat sat down', 'i do'])
const strategies = file('strategies.json', [
  { reference: '[Question]', hypothesis: '[Question]' },
  { reference: '[Others]', hypothesis: '[Question]' },
])
const tokenizer = fixture('tokenizer')
const gpt = await goldenModel('gpt-tiny')
/** The command where the npm package wordnet is installed; its tests' own folder has no optional packages. */
const withWordNet = (...args: string[]) =>
  spawned(['eval', ...args], { NODE_PATH: fileURLToPath(new URL('../../node_modules', import.meta.url)) })

evaluate('JSON: one document with every score, and what they were counted with', () => {
  const files = ['--hypotheses', hypotheses, '--references', references, '--strategies', strategies]
  const { status, stdout, stderr } = withWordNet(...files, '--tokenizer', tokenizer, '--json')
  assert.equal([status, stderr], [0, ''])
  const { meteor, 'rouge-l': rouge, 'unigram-f1': f1, ...rest } = JSON.parse(stdout)
  const close = (got: number, want: number) => assert.ok(Math.abs(got - want) < 1e-9, `got ${got}, expected ${want}`)
  // Words are ids here. The first: METEOR by the stem of cats, see metrics/meteor; the second: all of two words in a chunk.
  close(meteor, 50 * ((0.75 / (0.9 + 0.1 * 0.75)) * (1 - 0.5 / 27) + (1 - 0.5 / 8)))
  // the and sat of three ids and four; all of two.
  close(f1, 50 * (4 / 7 + 1))
  close(rouge, 50 * ((2.44 * (2 / 3) * (2 / 4)) / (2 / 4 + 1.44 * (2 / 3)) + 1))
  // Four of five ids, i do as the one pair of three; five ids for six.
  close(rest['bleu-1'], 100 * Math.exp(1 - 6 / 5) * (4 / 5))
  close(rest['bleu-2'], 100 * Math.exp(1 - 6 / 5) * Math.sqrt((4 / 5) * (1 / 3)))
  assert.ok(rest['bleu-3'] > rest['bleu-4'] && rest['bleu-4'] > 0)
  const { 'bleu-1': _1, 'bleu-2': _2, 'bleu-3': _3, 'bleu-4': _4, ...exact } = rest
  assert.equal(exact, {
    replies: 2,
    length: 2.5,
    'distinct-1': 100,
    'distinct-2': 100,
    'distinct-3': 0,
    'strategy-accuracy': 50,
    'strategy-top-2': null,
    'strategy-top-3': null,
    'strategy-top-4': null,
    'strategy-top-5': null,
    tokenizer,
    wordnet: '3.0',
  })
})

evaluate('a table in the paper’s layout; top-k where there are probabilities', () => {
  const probs = (best: string, second: string) => ({
    probs: {
      ...Object.fromEntries(
        [
          ...['Question', 'Reflection of feelings', 'Information', 'Restatement or Paraphrasing', 'Others'],
          ...['Self-disclosure', 'Affirmation and Reassurance', 'Providing Suggestions'],
        ].map((name) => [name, 0]),
      ),
      [best]: 0.6,
      [second]: 0.4,
    },
  })
  const ranked = file('ranked.json', [
    { reference: 'Question', hypothesis: probs('Others', 'Question') },
    { reference: 'Others', hypothesis: probs('Others', 'Question') },
  ])
  const files = ['--hypotheses', hypotheses, '--references', references, '--strategies', ranked]
  const { status, stdout } = withWordNet(...files, '--tokenizer', tokenizer)
  assert.is(status, 0)
  const [head, cells, , top, replies, meteor, end] = stdout.split('\n')
  assert.match(head!, /^ +ACC\(%\) +D-1 +D-2 +D-3 +B-1 +B-2 +B-3 +B-4 +F1 +R-L +M$/)
  assert.match(cells!, /^ +50\.00 +100\.00 +100\.00 +0\.00 +65\.50 .* 78\.57 +[\d.]+ +84\.\d\d$/)
  assert.match(top!, /^strategy among the likeliest 2, 3, 4, 5:( +100\.00){4}$/)
  assert.match(replies!, /^2 replies of 2\.50 ids on average, by the tokenizer of .*tokenizer$/)
  assert.equal([meteor, end], ['METEOR: WordNet 3.0, as NLTK 3.8 computes it', ''])
})

evaluate(
  'without WordNet METEOR is null, and without --tokenizer the ids are the packaged model’s; both are said',
  () => {
    const { status, stdout, stderr } = spawned([
      'eval',
      '--hypotheses',
      hypotheses,
      '--references',
      references,
      '--json',
    ])
    assert.is(status, 0)
    const { meteor, wordnet, tokenizer: folder, ...scores } = JSON.parse(stdout)
    assert.equal([meteor, wordnet], [null, null])
    assert.match(folder, /weights[\\/]misc-mini$/)
    assert.not('strategy-accuracy' in scores)
    assert.match(
      stderr,
      /^misc: counts ids of the packaged model, .* --tokenizer .*\nmisc: METEOR is left out.* npm install wordnet@2\n$/,
    )
  },
)

evaluate('a model: its figures beside the scores of what it draws, the same again with the same seed', async () => {
  const data = [
    '--data',
    fixture('text', 'misc-esconv'),
    '--split',
    'dev',
    '--limit',
    '2',
    '--adapter',
    testAdapters[0]!,
  ]
  const args = [packagedModel(), ...data, '--max-new-tokens', '6', '--seed', '3']
  const first = spawned(['eval', ...args, '--json'])
  assert.is(first.status, 0, first.stderr)
  const { ppl, length, tokenizer, ...scores } = JSON.parse(first.stdout)
  // What a model of this quality has; nothing would give 1, a guess among all ids thousands.
  assert.ok(ppl > 5 && ppl < 200, `PPL ${ppl}`)
  assert.ok(length > 0 && length <= 7)
  assert.equal(tokenizer, packagedModel())
  const { split, tokens, seed, dtype, adapter, replies, meteor } = scores
  assert.equal([split, seed, dtype, replies, meteor], ['dev', 3, 'f32', 2, null])
  assert.is(adapter, testAdapters[0])
  assert.ok(tokens > 2 && scores['strategy-top-5'] >= scores['strategy-accuracy'])
  const again = await misc(['eval', ...args])
  assert.is(again.status, 0, again.stderr)
  const cells = again.stdout.split('\n')[1]!.trim().split(/\s+/)
  assert.equal(
    cells.slice(0, 3),
    [scores['strategy-accuracy'], ppl, scores['distinct-1']].map((it) => it.toFixed(2)),
  )
  assert.match(again.stdout, /^dev, \d+ ids of references; weights in f32, on /m)
})

evaluate('bad usage and input end with 2 and one line', async () => {
  const short = file('short.json', ['one'])
  for (const [args, message] of [
    [['--hypotheses', hypotheses, '--references', short], /holds 2 entries and .*short\.json 1: /],
    [
      ['--hypotheses', hypotheses, '--references', references, '--strategies', hypotheses],
      /line 2: reference: expected a/,
    ],
    [['--hypotheses', hypotheses], /give --hypotheses <file> and --references <file>, or MODEL and --data <dir>$/],
    [[packagedModel()], /nothing to evaluate MODEL on: give --data <dir>$/],
    [[packagedModel(), '--data', folder, '--hypotheses', hypotheses], /MODEL draws its own replies: leave out /],
    [
      [gpt, '--data', fixture('text', 'misc-esconv'), '--split', 'dev', '--tokenizer', tokenizer],
      /gpt-tiny: holds .*, which replies to no dialogue: there is nothing of it to score$/,
    ],
    [
      [packagedModel(), '--data', fixture('text', 'misc-esconv'), '--split', 'dev', '--out', hypotheses],
      /--out .*cannot be made/,
    ],
    [['--hypotheses', hypotheses, '--references', references, '--table', '2'], /--table and --out are of models/],
    [
      [packagedModel(), gpt, '--data', folder, '--table', '4'],
      /Table 4 is of one MISC and its variants: give one MODEL$/,
    ],
  ] as const) {
    const { status, stdout, stderr } = await misc(['eval', ...args])
    assert.equal([status, stdout], [2, ''], stderr)
    const [line, ...rest] = stderr.replaceAll(/^misc: (counts ids|METEOR is left out).*\n/gm, '').split('\n')
    assert.equal(rest, [''])
    assert.match(line!, message)
  }
  for (const [flag, value, message] of [
    ['--limit', '0', /--limit.*whole number above 0/],
    ['--table', '3', /--table.*one of 2, 4, 6, 7/],
  ] as const) {
    const { status, stderr } = await misc(['eval', packagedModel(), '--data', folder, flag, value])
    assert.is(status, 2)
    assert.match(stderr, message)
  }
})

evaluate.run()
