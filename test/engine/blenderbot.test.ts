import { existsSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Blenderbot } from '../../src/engine/blenderbot.js'
import { load } from '../../src/engine/load.js'
import { openSafetensors } from '../../src/io/safetensors.js'
import { rowsOf } from '../../src/models/reference.js'
import { plainContext } from '../../src/text/plain-context.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { blenderbotModel } from '../blenderbot-model.js'
import { goldenCases, goldenFolder, goldenModel } from '../golden.js'
import { modelAdapters, testAdapters } from '../gpu.js'
import { refused } from '../throws.js'

for (const adapter of modelAdapters) {
  const blenderbot = suite(`engine/blenderbot on ${adapter}`)

  blenderbot('every generate of blenderbot-tiny, beams and all, from its ids', async () => {
    await using engine = await load(await blenderbotModel(), { adapter, tune: false })
    assert.instance(engine, Blenderbot)
    assert.is(engine.family, 'bart')
    let compared = 0
    for (const path of goldenCases('blenderbot-tiny')) {
      await using file = await openSafetensors(path)
      const matrix = async (name: string) =>
        rowsOf({ values: await file.readI64(name), shape: file.tensors.get(name)!.shape })
      const masks = await matrix('attention_mask')
      const contexts = (await matrix('input_ids')).map((row, b) => row.filter((_, i) => masks[b]![i] !== 0))
      for (let k = 0; file.tensors.has(`generate.${k}`); k++) {
        const asked = JSON.parse(file.metadata.get(`generate.${k}`)!)
        const { shape } = file.tensors.get(`generate.${k}`)!
        const rows = await matrix(`generate.${k}`)
        const replies = await engine.replies(
          contexts.map((context) => ({ ids: { context } })),
          {
            ...{ doSample: false, maxLength: asked.max_length, minLength: asked.min_length ?? 0 },
            ...{ repetitionPenalty: asked.repetition_penalty ?? 1, noRepeatNgramSize: asked.no_repeat_ngram_size ?? 0 },
            ...{ numBeams: asked.num_beams ?? 1, numReturnSequences: asked.num_return_sequences ?? 1 },
            ...{ lengthPenalty: asked.length_penalty ?? 1, earlyStopping: asked.early_stopping ?? false },
          },
        )
        const words = (row: readonly number[]) => {
          const end = row.indexOf(2, 1)
          return row.slice(1, end < 0 ? undefined : end)
        }
        for (const [b, { ids, sequences }] of replies.entries()) {
          const returned = rows.slice(b * shape[1]!, (b + 1) * shape[1]!).map(words)
          assert.equal(sequences ? sequences.map((it) => it.ids) : [ids], returned, `${path} generate.${k} row ${b}`)
          compared += returned.length
        }
      }
    }
    assert.ok(compared > 5, `${compared}`)
  })

  blenderbot(
    'a dialogue is read, a situation and blocks are not; in each dtype; generation_config.json says how it replies',
    async () => {
      const folder = await blenderbotModel({
        'generation_config.json': { num_beams: 2, max_length: 12, forced_eos_token_id: 2 },
      })
      const question = {
        situation: 'x',
        dialogue: [
          { speaker: 'seeker' as const, text: 'a b' },
          { speaker: 'supporter' as const, strategy: 'Question' as const, text: 'c' },
        ],
      }
      const tokenizer = await Tokenizer.load(folder, [])
      const { contextIds } = await plainContext(tokenizer, question.dialogue, 64)
      assert.equal(
        contextIds,
        ['a', 'b', '__newln__', 'c'].map((token) => tokenizer.idOf(token)),
      )
      for (const dtype of ['f32', 'f16', 'int8'] as const) {
        await using engine = await load(folder, { adapter, dtype, tune: false })
        const reply = await engine.reply(question)
        const same = await engine.reply({ ids: { context: contextIds } })
        assert.equal(reply.ids, same.ids)
        assert.ok(reply.score !== undefined && reply.ids.length <= 11)
        assert.is('strategy' in reply || 'blocks' in reply, false)
      }
    },
  )

  blenderbot.run()
}

const wrong = suite('engine/blenderbot, what is refused')

wrong('a strategy, a COMET, another model’s tokenizer, a BART', async () => {
  const folder = await blenderbotModel()
  await using engine = await load(folder, { adapter: testAdapters[0], tune: false })
  const question = { dialogue: [{ speaker: 'seeker' as const, text: 'a' }] }
  await refused(() => engine.reply(question, { strategy: 'Question' } as never), /unknown generation option "strategy"/)
  await refused(() => load(folder, { comet: folder }), /a plain backbone, which reads no blocks/)
  const added = await blenderbotModel({ 'added_tokens.json': { '[x]': 310 } })
  await refused(() => load(added), /the tokenizer has 311 ids, config.json says 310/)
  assert.ok(existsSync(goldenFolder('bart-tiny')))
  const bart = await goldenModel('bart-tiny')
  await refused(() => load(bart), /of which no replies are drawn/)
  await refused(() => Blenderbot.load(bart), /of which no replies are drawn/)
})

wrong.run()
