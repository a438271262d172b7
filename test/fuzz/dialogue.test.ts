import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { JointText } from '../../src/engine/joint-text.js'
import { ListenersText } from '../../src/engine/listeners-text.js'
import { MiscText } from '../../src/engine/misc-text.js'
import { InputError } from '../../src/errors.js'
import { readBackbone } from '../../src/models/backbone-config.js'
import { ConfigReader } from '../../src/models/config-reader.js'
import { parseListenersConfig } from '../../src/models/listeners/config.js'
import { parseConfig } from '../../src/models/misc/config.js'
import { type DialogueInput, type IdsInput, parseInput } from '../../src/text/dialogue.js'
import { RELATIONS, STRATEGIES } from '../../src/text/strategies.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { WordVocabulary } from '../../src/text/word-vocabulary.js'
import { filesFolder } from '../files-folder.js'
import { wordsFolder } from '../text/words-folder.js'
import { kindsOf } from './cases.js'
import { changed, edited, jsonOf, oddText, programValue } from './values.js'

const dialogues = kindsOf('dialogue')

const small = { __null__: 0, __start__: 1, __end__: 2, __unk__: 3, __newln__: 4, hi: 5, 'h@@': 6, i: 7, a: 8, e: 9 }
const backbone = {
  ...{ d_model: 8, encoder_layers: 1, decoder_layers: 1, encoder_attention_heads: 2, decoder_attention_heads: 2 },
  ...{ encoder_ffn_dim: 8, decoder_ffn_dim: 8, vocab_size: 40, max_position_embeddings: 24 },
}
const listeners = { model_type: 'moel', hidden_dim: 8, heads: 2, depth: 8, filter: 8, hop: 1, vocab_size: 10 }
const files = { 'vocab.json': small, 'merges.txt': 'h i</w>\n' }
const strategies = Object.fromEntries(
  STRATEGIES.map((name, i) => [
    `[${name}]`.replace('[Question]', '[Questions]').replace('[Others]', '[Other]'),
    10 + i,
  ]),
)
const words = await Tokenizer.load(filesFolder(files))
const jointWords = await Tokenizer.load(filesFolder({ ...files, 'added_tokens.json': strategies }))
const vocabulary = await WordVocabulary.load(wordsFolder(['hi', 'a', 'i']))

const misc = new MiscText(words, parseConfig(backbone, 'config.json'), undefined)
const jointConfig = {
  ...readBackbone(new ConfigReader(backbone, 'config.json')),
  program: 'codes' as const,
  firstStrategyId: 10,
}
const joint = new JointText(jointWords, jointConfig)
const moel = new ListenersText(vocabulary, parseListenersConfig(listeners, 'config.json'))

const block = fc.record({ relation: fc.constantFrom(...RELATIONS), tail: oddText })
const blocks = fc.array(block, { maxLength: 3 })
const utterance = fc.oneof(
  fc.record({ speaker: fc.constant('seeker'), text: oddText }),
  fc.record({ speaker: fc.constant('supporter'), text: oddText, strategy: fc.constantFrom(...STRATEGIES) }),
)
const dialogue = fc.record(
  {
    situation: oddText,
    dialogue: fc.array(utterance, { minLength: 1, maxLength: 5 }),
    blocks: fc.record({ post: blocks, situation: blocks }),
  },
  { requiredKeys: ['dialogue'] },
)
const id = fc.nat(39)
const rows = fc.array(fc.array(id, { minLength: 1, maxLength: 5 }), { maxLength: 3 })
const ids = fc.record({
  ids: fc.record(
    {
      context: fc.array(id, { minLength: 1, maxLength: 26 }),
      post: rows,
      situation: rows,
      roles: fc.array(fc.integer({ min: 4, max: 6 })),
    },
    { requiredKeys: ['context'] },
  ),
})
const input = fc.oneof(dialogue, ids)

/** That an input, parsed, says what it said: texts and ids are as they were, and nothing has come to it. */
function checkParsed(parsed: DialogueInput | IdsInput, value: unknown): void {
  if ('ids' in parsed) {
    const given = (value as IdsInput).ids
    assert.equal(parsed.ids.context, Array.from(given.context))
    return
  }
  const given = value as DialogueInput
  assert.is(parsed.situation, given.situation)
  assert.equal(
    parsed.dialogue,
    Array.from(given.dialogue, (it) => ({ ...it })),
  )
  for (const part of ['post', 'situation'] as const) {
    assert.equal(parsed.blocks?.[part], given.blocks && Array.from(given.blocks[part] ?? [], (it) => ({ ...it })))
  }
  for (const { text, speaker, strategy } of parsed.dialogue) {
    assert.type(text, 'string')
    assert.ok(speaker === 'seeker' || speaker === 'supporter')
    assert.ok(strategy === undefined || STRATEGIES.includes(strategy))
  }
  for (const { relation, tail } of [...(parsed.blocks?.post ?? []), ...(parsed.blocks?.situation ?? [])]) {
    assert.ok(RELATIONS.includes(relation))
    assert.type(tail, 'string')
  }
}

const checkIds = (ids: readonly number[], vocabSize: number, most: number) => {
  assert.ok(ids.length > 0 && ids.length <= most, `${ids.length} ids`)
  for (const id of ids) assert.ok(Number.isInteger(id) && id >= 0 && id < vocabSize, `id ${id}`)
}

const options = changed(
  fc.record(
    {
      strategy: fc.oneof(
        fc.constantFrom(...STRATEGIES),
        fc.constant([0.5, 0.5, 0, 0, 0, 0, 0, 0]),
        fc.constant([1, 0, 0, 0, 0, 0, 0, 0]),
      ),
      sampleStrategy: fc.boolean(),
      roles: fc.constantFrom('speaker', 'parity'),
      tokenized: fc.boolean(),
      noise: fc.constant('zero'),
    },
    { requiredKeys: [] },
  ),
  programValue,
).map((it) => ({ seed: 1, ...(typeof it === 'object' ? it : {}) }))

/** Has each of the three families read a question, and checks the ids that come of it. */
async function checkRead(value: unknown, options: object): Promise<void> {
  checkParsed(parseInput(value), value)
  const asked = options as never
  const refusals: unknown[] = []
  const read = async (work: () => Promise<void>) => work().catch((error) => refusals.push(error))
  await read(async () => {
    const { input, context } = await misc.read(value, asked)
    checkIds(context, words.vocabSize, 24)
    for (const block of [...(input.post ?? []), ...(input.situation ?? [])]) checkIds(block, words.vocabSize, 10)
  })
  await read(async () => checkIds((await joint.read(value, asked)).context, jointWords.vocabSize, 24))
  await read(async () => {
    const { input } = await moel.read(value, asked)
    checkIds(input.ids, vocabulary.size, 1000)
    assert.is(input.roles.length, input.ids.length)
  })
  // One at a time: the first is told of.
  if (refusals.length > 0) throw refusals.find((it) => (it as Error).name !== 'InputError') ?? refusals[0]
}

dialogues.add({
  name: 'dialogues and ids as JSON',
  cases: fc.tuple(edited(changed(input).map(jsonOf)), options),
  read: ([text, options]) => {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (error) {
      // `misc generate` refuses it before anyone looks at what it says.
      throw new InputError((error as Error).name)
    }
    return checkRead(value, options)
  },
})

dialogues.add({
  name: 'dialogues, ids and options of a program',
  cases: fc.tuple(fc.oneof(input, changed(input, programValue), programValue), options),
  read: ([value, options]) => checkRead(value, options),
})

dialogues.run()
