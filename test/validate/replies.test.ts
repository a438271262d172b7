import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { describeFolder } from '../../src/engine/load-model.js'
import { JOINT_PROGRAMS } from '../../src/text/joint-programs.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { readReplies, rowReader } from '../../src/validate/replies.js'
import { blenderbotModel } from '../blenderbot-model.js'
import { filesFolder } from '../files-folder.js'
import { goldenModel } from '../golden.js'
import { jointModel } from '../joint.js'
import { listenersModel } from '../listeners-models.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const replies = suite('validate/replies')

const turns = [
  { speaker: 'usr', text: 'I  am sad' },
  { speaker: 'sys', text: 'why?', strategy: 'Question' },
  { speaker: 'usr', text: 'do' },
  { speaker: 'sys', text: 'I\nknow' },
]
/** A split of one conversation, whose second reply names no strategy. */
const esconv = (dialog: readonly unknown[] = turns) => filesFolder({ 'test.jsonl': `${JSON.stringify({ dialog })}\n` })

async function read(folder: string, data = esconv()) {
  const warnings: string[] = []
  const reader = await rowReader(folder, await describeFolder(folder))
  const found = await readReplies(reader, { data, split: 'test' }, (line) => warnings.push(line))
  return { ...found, warnings }
}

replies('a plain BlenderBot reads utterances with newlines between, and is scored on words and EOS', async () => {
  const found = await read(await blenderbotModel())
  const letter = (it: string, ends = true) => 5 + 2 * (it.charCodeAt(0) - 97) + Number(!ends)
  const word = (it: string) => [...it].map((one, i) => letter(one, i === it.length - 1))
  const [unknown, newline, end] = [3, 4, 2]
  const sad = [...word('i'), ...word('am'), ...word('sad')]
  const why = [...word('why'), unknown]
  assert.equal(found.replies, [
    { input: sad, reply: [...why, end] },
    { input: [...sad, newline, ...why, newline, ...word('do')], reply: [...word('i'), ...word('know'), end] },
  ])
  assert.is(found.vocabulary, 310)
})

replies(
  'BlenderBot-Joint is given the strategy, unscored, and takes no row without; each program has its softmax',
  async () => {
    const [zcj, codes] = [await jointModel(), tempFolder()]
    cpSync(zcj, codes, { recursive: true })
    const tokens = JOINT_PROGRAMS.codes.tokens.map((token, i) => [token, 300 + i])
    writeFileSync(join(codes, 'added_tokens.json'), JSON.stringify(Object.fromEntries(tokens)))
    for (const [folder, vocabulary, end] of [
      [zcj, 300, []],
      [codes, 308, [2]],
    ] as const) {
      const found = await read(folder)
      const tokenizer = await Tokenizer.load(folder)
      const ids = await tokenizer.encode('i am sad')
      assert.equal(found.replies, [
        { input: { ids: [...ids, ...end] }, begun: [300], reply: [...(await tokenizer.encode('why?')), 2] },
      ])
      assert.equal([found.vocabulary, found.rows.length], [vocabulary, 1])
      assert.match(found.warnings.join(), /1 replies name no strategy, and are left out/)
    }
    await refused(() => read(zcj, esconv(turns.slice(2))), /1 replies name no strategy, and are left out/)
  },
)

replies('Transformer, MoEL and MIME read words and roles, MIME without chance', async () => {
  const found = await read(listenersModel('mime-tiny'))
  const [CLS, USR, SYS, EOS, UNK] = [6, 4, 5, 2, 0]
  const [i, am, sad, why, question, do_, know] = [7, 8, 9, 11, 12, 13, 15]
  assert.equal(found.replies, [
    { input: { ids: [CLS, i, am, sad], roles: [CLS, USR, USR, USR], noise: 'zero' }, reply: [why, question, EOS] },
    {
      input: {
        ids: [CLS, i, am, sad, why, question, do_],
        roles: [CLS, USR, USR, USR, SYS, SYS, USR],
        noise: 'zero',
      },
      reply: [i, know, EOS],
    },
  ])
  assert.is(found.vocabulary, 203)
  const unheard = await read(
    listenersModel('moel-tiny'),
    esconv([
      { speaker: 'usr', text: 'sad' },
      { speaker: 'sys', text: 'zzz' },
    ]),
  )
  assert.equal(unheard.replies[0]!.reply, [UNK, EOS])
})

replies('a COMET replies to no dialogue, and is named', async () => {
  for (const [name, cause] of [
    ['gpt-tiny', /a decoder alone, as COMET-2019 is one, which replies to no dialogue/],
    ['bart-tiny', /a BART, as COMET-BART is one, which replies to no dialogue/],
  ] as const) {
    const folder = await goldenModel(name)
    const description = await describeFolder(folder)
    await refused(() => rowReader(folder, description), cause)
  }
})

replies.run()
