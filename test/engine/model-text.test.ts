import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openModel, readConfig } from '../../src/engine/load-model.js'
import { Misc } from '../../src/engine/misc.js'
import { openSafetensors } from '../../src/io/safetensors.js'
import { ADDED_TOKENS } from '../../src/text/strategies.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { perplexity, scoreReplies } from '../../src/validate/perplexity.js'
import { miscRows, readReplies } from '../../src/validate/replies.js'
import { tinyModel } from '../engine-model.js'
import { fixture } from '../fixtures.js'
import { firstGpuSuite, testAdapters } from '../gpu.js'
import { refused } from '../throws.js'
import { rewritten } from '../validate/rewritten.js'

const sound = await tinyModel()
const { dModel: width, vocabSize } = await readConfig(sound)
const { baseVocabSize } = await Tokenizer.load(sound)
const input = {
  dialogue: [{ speaker: 'seeker' as const, text: 'hi, i am sad' }],
  blocks: { post: [{ relation: 'xReact' as const, tail: 'sad' }], situation: [] },
}

/**
 * A copy of the tiny model with as many rows of the embedding, each taken from the row of this number; rows that it has not
 * score above all others.
 */
async function withRows(rows: number, from: (row: number) => number = (row) => row): Promise<string> {
  await using file = await openSafetensors(join(sound, 'model.safetensors'))
  const taken = (values: Float32Array, columns: number, missing: number) =>
    Float32Array.from({ length: rows * columns }, (_, i) => {
      return values[from(Math.floor(i / columns)) * columns + (i % columns)] ?? missing
    })
  const [shared, bias] = [await file.readF32('model.shared.weight'), await file.readF32('final_logits_bias')]
  const path = await rewritten(
    join(sound, 'model.safetensors'),
    {
      'model.shared.weight': { shape: [rows, width], values: taken(shared, width, 1) },
      final_logits_bias: { shape: [1, rows], values: taken(bias, 1, 1000) },
    },
    'model.safetensors',
  )
  const folder = dirname(path)
  for (const name of ['vocab.json', 'merges.txt']) cpSync(join(sound, name), join(folder, name))
  const config = JSON.parse(readFileSync(join(sound, 'config.json'), 'utf8'))
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, vocab_size: rows }))
  return folder
}

async function replies(folder: string, adapter: string) {
  await using misc = await Misc.load(folder, { adapter, tune: false })
  const drawn = [
    await misc.reply(input, { doSample: false, maxNewTokens: 10 }),
    await misc.reply(input, { seed: 3, topK: 0, topP: 1, temperature: 2, maxNewTokens: 30 }),
  ]
  const { blocks } = await misc.encode(input)
  return drawn.map(({ text, ids, strategy }) => ({ text, ids, predicted: strategy!.predicted, blocks }))
}

const padded = await withRows(5824)

const adapter = testAdapters[0]!
const engine = suite(`engine/model-text on ${adapter}`)

engine('rows beyond the tokenizer’s ids change no reply, though they would score best', async () => {
  assert.equal(await replies(padded, adapter), await replies(sound, adapter))
})

engine('ids given directly are the tokenizer’s, not the embedding’s', async () => {
  await using misc = await Misc.load(padded, { adapter, tune: false })
  const ids = { context: [vocabSize - 1, 7, vocabSize] }
  await refused(() => misc.reply({ ids }), /ids\.context\[2\] is 5773, expected an id from 0 to 5772/)
})

engine('added tokens in another order: their rows move with them, and replies stay', async () => {
  const order = ADDED_TOKENS.map((_, i) => (i * 7 + 3) % ADDED_TOKENS.length)
  const folder = await withRows(vocabSize, (row) => {
    return row < baseVocabSize ? row : baseVocabSize + order[row - baseVocabSize]!
  })
  const added = order.map((token, place) => [ADDED_TOKENS[token], baseVocabSize + place])
  writeFileSync(join(folder, 'added_tokens.json'), JSON.stringify(Object.fromEntries(added)))
  assert.is.not((await Tokenizer.load(folder)).clsId, (await Tokenizer.load(sound)).clsId)
  assert.equal(await replies(folder, adapter), await replies(sound, adapter))
})

engine.run()

firstGpuSuite('engine/model-text, scores', (test) => {
  test('rows beyond the tokenizer’s ids change no perplexity', async (gpu) => {
    const score = async (folder: string) => {
      const data = { data: fixture('text', 'misc-esconv'), split: 'dev', limit: 2 } as const
      const { replies, vocabulary } = await readReplies(await miscRows(folder, await readConfig(folder)), data)
      return scoreReplies(gpu, await openModel(gpu, folder, { family: 'misc' }), replies, vocabulary)
    }
    const [plain, wide] = [await score(sound), await score(padded)]
    assert.ok(Math.abs(perplexity(wide) / perplexity(plain) - 1) < 1e-5, `${perplexity(wide)} ${perplexity(plain)}`)
    assert.equal(
      wide.map(({ bestIds }) => bestIds),
      plain.map(({ bestIds }) => bestIds),
    )
  })
})

const early = suite('engine/model-text')

early('a tokenizer with more ids than the embedding has rows is refused before a GPU is asked for', async () => {
  const folder = await withRows(vocabSize)
  writeFileSync(join(folder, 'added_tokens.json'), JSON.stringify({ '[CLS]': vocabSize + 2 }))
  const load = () => Misc.load(folder, { adapter: 'no such adapter' })
  await refused(load, /added_tokens\.json gives "\[CLS\]" id 5775/, /config\.json says 5773 \(vocab_size/)
})

early('a sound folder gets as far as the adapter', async () => {
  await Misc.load(sound, { adapter: 'no such adapter' }).then(
    () => assert.unreachable(),
    (error) => assert.match(error.message, /no such adapter/),
  )
})

early.run()
