import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { testAdapters } from '../gpu.js'
import { jointModel } from '../joint.js'
import { tempFolder } from '../temp.js'
import { misc } from './in-process.js'

const folder = await jointModel()
const adapter = ['--adapter', testAdapters[0]!]
const question = join(tempFolder(), 'dialogue.json')
writeFileSync(question, JSON.stringify({ dialogue: [{ speaker: 'seeker', text: 'i am sad' }] }))

const joint = suite('cli/reply-command, BlenderBot-Joint')

joint('misc generate: its strategy is told, drawn, the likeliest or given', async () => {
  const generate = (...flags: string[]) =>
    misc(['generate', folder, '--input', question, ...adapter, '--seed', '3', '--max-new-tokens', '4', ...flags])
  const [likeliest, given, people] = await Promise.all([
    generate('--json', '--no-sample-strategy'),
    generate('--json', '--strategy', 'Information'),
    generate('--strategy', 'Question'),
  ])
  const { strategy, blocks, ids } = JSON.parse(likeliest.stdout)
  assert.equal(Object.keys(strategy), ['probs', 'predicted', 'chosen'])
  assert.is(strategy.chosen, strategy.predicted)
  assert.equal([blocks, ids.length], [undefined, 3])
  const other = JSON.parse(given.stdout).strategy
  assert.equal([other.chosen, other.predicted, other.probs], ['Information', strategy.predicted, strategy.probs])
  assert.match(people.stderr, /strategies {2}Question, of [A-Z][a-z-].* \d+%, /)
})

joint('misc generate: what its program leaves out of a dialogue however short is not put down to length', async () => {
  const files = ['weights/table2/blenderbot-joint-mini', 'examples/dialogue.json'] as const
  const [model, long] = files.map((it) => fileURLToPath(new URL(`../../${it}`, import.meta.url))) as [string, string]
  const { stderr } = await misc([
    'generate',
    model,
    '--input',
    long,
    ...adapter,
    '--seed',
    '3',
    '--max-new-tokens',
    '4',
  ])
  assert.match(stderr, /note: the model reads the last utterances of a dialogue alone; left out: 6\n/)
})

joint('misc chat: a reply’s strategy is part of the dialogue that the next one reads', async () => {
  const flags = ['--seed', '1', '--max-new-tokens', '4', '--strategy', 'Question']
  const chat = await misc(['chat', folder, ...adapter, ...flags], 'hi\ni am sad\n')
  assert.is(chat.status, 0)
  const [first, second] = chat.stdout.split('\n')
  const file = join(tempFolder(), 'dialogue.json')
  const dialogue = (strategy: object) => [
    { speaker: 'seeker', text: 'hi' },
    { speaker: 'supporter', ...strategy, text: first },
    { speaker: 'seeker', text: 'i am sad' },
  ]
  writeFileSync(file, JSON.stringify({ dialogue: dialogue({ strategy: 'Question' }) }))
  const same = await misc(['generate', folder, '--input', file, ...adapter, ...flags])
  assert.is(same.stdout, `${second}\n`)
})

joint.run()

const help = suite('cli/reply-command, help')

help('which family draws how, where the model’s files say nothing', async () => {
  for (const command of ['generate', 'chat']) {
    const { stdout } = await misc([command, '--help'])
    const words = stdout.replaceAll(/\s+/g, ' ')
    assert.match(words, /default: as the files of MODEL say, else as its program does: --do-sample/)
    assert.match(words, /--top-p <x> .* \(MISC: 0\.3\)/)
    assert.match(
      words,
      /BlenderBot-Joint, codes: top_p 0\.9, penalize_context true BlenderBot-Joint, codes_zcj: top_k 0,/,
    )
    assert.match(words, /Transformer, MoEL, MIME: do_sample false,.* max_length 32, length_penalty 0 /)
    assert.not.match(words, /\(default 0\.3\)/)
  }
})

help.run()
