import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Listeners } from '../../src/engine/listeners.js'
import { load } from '../../src/engine/load.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import { openSafetensors } from '../../src/io/safetensors.js'
import { noiseValues } from '../../src/models/listeners/noise.js'
import { EMPATHETIC_EMOTIONS, ESCONV_EMOTIONS } from '../../src/text/emotions.js'
import { WORD_IDS } from '../../src/text/word-vocabulary.js'
import { softmax } from '../../src/validate/twins/softmax.js'
import { tinyModel } from '../engine-model.js'
import { goldenCases, goldenFolder, LISTENERS_GOLDENS } from '../golden.js'
import { firstGpuSuite, testAdapters } from '../gpu.js'
import { listenersModel, wordsOf } from '../listeners-models.js'
import { tensorsOf } from '../models/gpt/raw-names.js'
import { listeners } from '../reference/listeners.js'
import { logSoftmax } from '../reference/log-softmax.js'
import { refused } from '../throws.js'

type Name = (typeof LISTENERS_GOLDENS)[number]

const dialogue = [
  { speaker: 'supporter' as const, text: 'Why?' },
  { speaker: 'seeker' as const, text: "I'm sad." },
  { speaker: 'seeker' as const, text: "I don't know." },
]
/** What is read of it. */
const ids = [6, 11, 12, 7, 8, 9, 10, 7, 13, 14, 15, 10]
const roles = [6, 5, 5, 4, 4, 4, 4, 4, 4, 4, 4, 4]

/** A case's rows without their padding: what is asked, and what is expected. */
async function golden(name: Name) {
  await using file = await openSafetensors(goldenCases(name)[0]!)
  const [batch = 0, length = 0] = file.tensors.get('input_ids')!.shape
  const [all, rolesOf, mask] = await Promise.all(
    ['input_ids', 'role_ids', 'attention_mask'].map((name) => file.readI64(name)),
  )
  const greedy = await file.readI64('generate.greedy')
  const emotions = await file.readF32(name === 'moel-tiny' ? 'listeners.weights' : 'emotion.logits')
  return Array.from({ length: batch }, (_, b) => {
    const row = <T>(values: ArrayLike<T>) => {
      const size = values.length / batch
      return Array.from(values).slice(b * size, (b + 1) * size)
    }
    const real = (values: ArrayLike<number>) => row(values).filter((_, i) => mask![b * length + i] !== 0)
    const reply = row(greedy)
    const end = reply.indexOf(WORD_IDS.EOS)
    return {
      question: { ids: { context: real(all!), roles: real(rolesOf!) } },
      reply: end < 0 ? reply : reply.slice(0, end),
      emotions: row(emotions),
    }
  })
}

firstGpuSuite('engine/listeners', (test) => {
  const made = new Map<string, Promise<Listeners>>()
  const open = (gpu: Gpu, name: Name) => {
    const key = `${name} on ${gpu.adapter.name}`
    const engine = made.get(key) ?? Listeners.open(gpu, listenersModel(name))
    made.set(key, engine)
    return engine
  }

  for (const name of ['transformer-tiny', 'moel-tiny'] as const) {
    test(`${name}: the golden replies and emotions, without an option; the seed changes nothing`, async (gpu) => {
      const engine = await open(gpu, name)
      const rows = await golden(name)
      const replies = await engine.replies(rows.map(({ question }) => question))
      assert.equal(
        replies.map((it) => it.ids),
        rows.map(({ reply }) => reply),
      )
      for (const [i, { emotions }] of rows.entries()) {
        const { emotion, listeners, text, ids, finishReason } = replies[i]!
        assert.is(text, wordsOf(ids))
        assert.is(finishReason, ids.length < 31 ? 'stop' : 'length')
        assert.equal(Object.keys(emotion!.probs), [...ESCONV_EMOTIONS])
        assert.is(emotion!.probs[emotion!.predicted], Math.max(...Object.values(emotion!.probs)))
        const told = Object.values(name === 'moel-tiny' ? listeners! : emotion!.probs)
        const expected = name === 'moel-tiny' ? emotions : softmax(emotions)
        for (const [k, value] of told.entries())
          assert.ok(Math.abs(value - expected[k]!) < 1e-4, `${value} ${expected[k]}`)
      }
      assert.is(replies[0]!.listeners === undefined, name === 'transformer-tiny')
    })
  }

  for (const name of LISTENERS_GOLDENS) {
    test(`${name}: a dialogue is read as its words and who says them; what streams is the reply`, async (gpu) => {
      const engine = await open(gpu, name)
      const options = { seed: 5, maxNewTokens: 9 }
      const reply = await engine.reply({ dialogue }, options)
      assert.equal(reply.ids, (await engine.reply({ ids: { context: ids, roles } }, options)).ids)
      assert.is(reply.text, wordsOf(reply.ids))
      assert.equal([reply.cut, reply.crisis], [{ utterances: 0, ids: 0 }, false])
      const others = { dialogue, situation: 'i lost my job', blocks: { post: [], situation: [] } }
      const pieces = engine.stream(others, options)
      let text = ''
      for (let next = await pieces.next(); !next.done; next = await pieces.next()) text += next.value.text
      assert.is(text, reply.text)
      const drawn = await engine.replies([{ dialogue }, { dialogue }], { ...options, doSample: true })
      assert.equal(drawn[0]!.ids, drawn[1]!.ids)
    })
  }

  test('roles and words by their options; a crisis and a cut are told', async (gpu) => {
    const engine = await open(gpu, 'transformer-tiny')
    const same = async (options: object, context: number[], roles: number[]) => {
      const beams = { numBeams: 2, maxNewTokens: 4 }
      const { score, ids } = await engine.reply({ dialogue }, { ...beams, ...options })
      const expected = await engine.reply({ ids: { context, roles } }, beams)
      assert.equal([ids, score], [expected.ids, expected.score])
    }
    await same({ roles: 'parity' }, ids, [6, 4, 4, 5, 5, 5, 5, 4, 4, 4, 4, 4])
    await same({ tokenized: true }, [6, 0, 0, 0, 0, 0, 0], [6, 5, 4, 4, 4, 4, 4])
    const long = [...dialogue, { speaker: 'seeker' as const, text: `I want to die ${'sad '.repeat(998)}` }]
    const stopped = await engine.reply({ dialogue: long }, { signal: AbortSignal.abort() })
    assert.equal([stopped.cut, stopped.crisis], [{ utterances: 3, ids: 3 }, true])
    assert.equal([stopped.finishReason, stopped.emotion, stopped.listeners], ['aborted', undefined, undefined])
  })

  test('words that are drawn are among the 3 best', async (gpu) => {
    const engine = await open(gpu, 'transformer-tiny')
    const tensors = await tensorsOf(goldenFolder('transformer-tiny'))
    const shape = { modelType: 'transformer', hop: 2, heads: 2, topk: 0, numEmotions: 11 } as const
    const { logits } = listeners(tensors, shape, { ids, roles }, [3])
    const best = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!).slice(0, 3)
    const draw = (seed: number) => engine.reply({ dialogue }, { seed, doSample: true, maxNewTokens: 1, minLength: 0 })
    const replies = await Promise.all(Array.from({ length: 24 }, (_, seed) => draw(seed)))
    const drawn = new Set(replies.map((it) => it.ids[0] ?? WORD_IDS.EOS))
    assert.equal(
      [...drawn].sort((a, b) => logits[b]! - logits[a]!),
      best,
    )
  })

  test('MIME’s noise is of the reply’s seed, or none: the twin’s score', async (gpu) => {
    const engine = await open(gpu, 'mime-tiny')
    const shape = { modelType: 'mime', hop: 1, heads: 2, topk: 0, numEmotions: 32 } as const
    const tensors = await tensorsOf(goldenFolder('mime-tiny'))
    const scored = async (options: { seed: number; noise?: 'zero' }) => {
      const reply = await engine.reply({ dialogue }, { ...options, numBeams: 3, maxNewTokens: 6 })
      const values = noiseValues(options.noise ?? { seed: options.seed }, 36)
      const noise = { positive: values.subarray(0, 36), negative: values.subarray(36) }
      const said = [...reply.ids, ...(reply.finishReason === 'stop' ? [WORD_IDS.EOS] : [])]
      const { logits, emotions } = listeners(tensors, shape, { ids, roles }, [3, ...said.slice(0, -1)], noise)
      const sum = said.reduce((sum, id, i) => sum + logSoftmax(logits.subarray(i * 203, (i + 1) * 203))[id]!, 0)
      assert.ok(Math.abs(reply.score! - sum) < 1e-3, `${reply.score} is not ${sum}`)
      const probs = softmax(emotions)
      assert.equal(Object.keys(reply.emotion!.probs), [...EMPATHETIC_EMOTIONS])
      for (const [k, p] of Object.values(reply.emotion!.probs).entries()) assert.ok(Math.abs(p - probs[k]!) < 1e-4)
      return reply.score!
    }
    const [a, b] = [await scored({ seed: 1 }), await scored({ seed: 2 })]
    assert.ok(Math.abs(a - b) > 1e-4, `${a} and ${b}`)
    assert.is(await scored({ seed: 1 }), a)
    assert.is(await scored({ seed: 1, noise: 'zero' }), await scored({ seed: 2, noise: 'zero' }))
  })

  test('questions and options that are wrong', async (gpu) => {
    const engine = await open(gpu, 'mime-tiny')
    const ask = (question: object, options?: object) => () => engine.reply(question as never, options)
    await refused(ask({ dialogue }, { noise: 'some' }), /noise must be "zero", got "some"/)
    await refused(ask({ dialogue }, { roles: 'x' }), /roles must be "speaker" or "parity"/)
    await refused(ask({ dialogue }, { strategy: 'Question' }), /unknown generation option "strategy"/)
    await refused(
      ask({ ids: { context: [6, 7] } }),
      /ids\.roles: expected one for each of the 2 ids of ids\.context, got none/,
    )
    await refused(ask({ ids: { context: [6, 7], roles: [6] } }), /ids\.roles: .* got 1$/)
    await refused(
      ask({ ids: { context: [6, 7], roles: [6, 3] } }),
      /ids\.roles\[1\]: expected 4 .* or 6 \(CLS\), got 3/,
    )
    await refused(
      ask({ ids: { context: [203], roles: [4] } }),
      /ids\.context\[0\] is 203, expected an id from 0 to 202/,
    )
    await refused(ask({ ids: { context: [], roles: [] } }), /ids\.context is empty/)
    const long = new Array<number>(1001).fill(6)
    await refused(ask({ ids: { context: long, roles: long } }), /ids\.context has 1001 ids, more than the model's 1000/)
    await refused(ask({ ids: { context: [6], roles: [6], post: [[7]] } }), /this model reads no blocks/)
  })
})

const folders = suite('engine/listeners, folders')

folders('load picks the engine; generation_config.json overrules what the released programs do', async () => {
  const folder = listenersModel('moel-tiny')
  writeFileSync(join(folder, 'generation_config.json'), JSON.stringify({ max_length: 4 }))
  await using engine = await load(folder, { adapter: testAdapters[0], tune: false })
  assert.instance(engine, Listeners)
  if (engine.family !== 'listeners') throw new Error(engine.family)
  assert.equal([engine.family, engine.config.modelType, engine.loadTimings.cometMs], ['listeners', 'moel', 0])
  assert.is((await engine.reply({ dialogue })).ids.length, 3)
})

folders('files that do not fit are refused before a GPU is opened', async () => {
  const folder = listenersModel('mime-tiny')
  await refused(() => Listeners.load(folder, { comet: 'somewhere' }), /the model is MIME, which reads no blocks/)
  await refused(async () => Listeners.load(await tinyModel()), /holds MISC’?'?s paper variant; a baseline is needed/)
  writeFileSync(join(folder, 'vocab.json'), '{"UNK":0,"PAD":1,"EOS":2,"SOS":3,"USR":4,"SYS":5,"CLS":6}')
  await refused(() => load(folder), /vocab\.json has 7 words, config\.json says 203 \(vocab_size\); take both from one/)
})

folders.run()
