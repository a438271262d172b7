import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Joint } from '../../src/engine/joint.js'
import { load } from '../../src/engine/load.js'
import { openSafetensors } from '../../src/io/safetensors.js'
import { rowsOf } from '../../src/models/reference.js'
import { JOINT_PROGRAMS, type JointProgramName } from '../../src/text/joint-programs.js'
import { STRATEGIES } from '../../src/text/strategies.js'
import { readJsonLines } from '../fixtures.js'
import { modelAdapters, testAdapters } from '../gpu.js'
import { jointCases, jointModel } from '../joint.js'
import { sharedPath } from '../shared.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const N = 300
const EOS = 2
const { codes_zcj } = JOINT_PROGRAMS

/** The files of joint-tiny, with the other program's names for its tokens. */
async function originalModel(): Promise<string> {
  const folder = tempFolder()
  cpSync(await jointModel(), folder, { recursive: true })
  const tokens = JOINT_PROGRAMS.codes.tokens.map((token, i) => [token, N + i])
  writeFileSync(join(folder, 'added_tokens.json'), JSON.stringify(Object.fromEntries(tokens)))
  return folder
}

async function open(adapter: string, program: JointProgramName): Promise<Joint> {
  const folder = program === 'codes' ? await originalModel() : await jointModel()
  const engine = await load(folder, { adapter, tune: false })
  assert.instance(engine, Joint)
  return engine as Joint
}

/** What a case file holds. */
async function readCase(path: string) {
  await using file = await openSafetensors(path)
  const matrix = async (name: string) =>
    rowsOf({ values: await file.readI64(name), shape: file.tensors.get(name)!.shape })
  const arguments_ = (name: string) => JSON.parse(file.metadata.get(name)!)
  const masks = await matrix('attention_mask')
  const contexts = (await matrix('input_ids')).map((row, b) => row.filter((_, i) => masks[b]![i] !== 0))
  const generated = []
  for (let k = 0; k < 6; k++) {
    const { shape } = file.tensors.get(`generate.${k}`)!
    const rows = await matrix(`generate.${k}`)
    const returned = shape[1]!
    generated.push({
      arguments: arguments_(`generate.${k}`),
      sequences: contexts.map((_, b) => rows.slice(b * returned, (b + 1) * returned)),
    })
  }
  const [trueStrategies, probs] = [await file.readI64('strategy.true'), await file.readF32('strategy.probs')]
  const original = { arguments: arguments_('original'), rows: await matrix('original.greedy') }
  return { contexts, generated, trueStrategies, probs, original }
}

/** The words of a whole sequence, after start and strategy. */
const words = (sequence: readonly number[]) => {
  const end = sequence.indexOf(EOS, 2)
  return sequence.slice(2, end < 0 ? undefined : end)
}

for (const adapter of modelAdapters) {
  const joint = suite(`engine/joint on ${adapter}`)

  joint('codes_zcj: every generate of every case, its strategy given or the likeliest, beams and all', async () => {
    await using engine = await open(adapter, 'codes_zcj')
    for (const path of jointCases()) {
      const { contexts, generated, trueStrategies, probs } = await readCase(path)
      for (const [k, { arguments: asked, sequences }] of generated.entries()) {
        const options = {
          doSample: false,
          maxNewTokens: asked.max_length,
          minLength: asked.min_length ?? 10,
          repetitionPenalty: asked.repetition_penalty ?? 1,
          noRepeatNgramSize: asked.no_repeat_ngram_size ?? 0,
          numBeams: asked.num_beams ?? 1,
          numReturnSequences: asked.num_return_sequences ?? 1,
          lengthPenalty: asked.length_penalty ?? 1,
        }
        const replies = await Promise.all(
          contexts.map((context, b) => {
            const strategy = asked.strategy === 'given' ? codes_zcj.strategies[trueStrategies[b]!] : undefined
            return engine.reply({ ids: { context } }, { ...options, strategy })
          }),
        )
        for (const [b, reply] of replies.entries()) {
          const what = `${path} generate.${k}, row ${b}`
          const expected = sequences[b]!
          assert.equal(reply.ids, words(expected[0]!), what)
          if (expected.length > 1)
            assert.equal(
              reply.sequences!.map(({ ids }) => ids),
              expected.map(words),
              what,
            )
          const { chosen, predicted, probs: told } = reply.strategy!
          assert.is(N + codes_zcj.strategies.indexOf(chosen!), expected[0]![1], what)
          if (asked.strategy === 'argmax') assert.is(chosen, predicted)
          for (const [i, name] of codes_zcj.strategies.entries()) {
            assert.ok(Math.abs(told[name] - probs[8 * b + i]!) < 5e-5, `${what}: ${name} ${told[name]}`)
          }
        }
      }
    }
  })

  joint(
    'codes: original.greedy of every case: processors that see the context, the strategy’s draw among them',
    async () => {
      await using engine = await open(adapter, 'codes')
      for (const path of jointCases()) {
        const { contexts, original } = await readCase(path)
        const { max_length, repetition_penalty, no_repeat_ngram_size, min_length } = original.arguments
        const options = {
          doSample: false,
          // It counts the strategy.
          maxLength: max_length - 1,
          minLength: min_length,
          repetitionPenalty: repetition_penalty,
          noRepeatNgramSize: no_repeat_ngram_size,
        }
        const replies = await engine.replies(
          contexts.map((context) => ({ ids: { context } })),
          options,
        )
        for (const [b, { ids, strategy }] of replies.entries()) {
          const expected = original.rows[b]!
          assert.equal(ids, words(expected), `${path} row ${b}`)
          assert.is(N + STRATEGIES.indexOf(strategy!.chosen!), expected[1], `${path} row ${b}`)
        }
        // All of it is what the program asks for by itself.
        const [first] = await engine.replies([{ ids: { context: contexts[0]! } }], {
          doSample: false,
          maxLength: max_length - 1,
        })
        assert.equal(first!.ids, replies[0]!.ids)
      }
    },
  )

  joint('dialogues.jsonl: from text to text', async () => {
    const golden = sharedPath('golden', 'joint-tiny', 'dialogues.jsonl')
    if (!golden) return void process.stderr.write('skipped, ../shared is missing: dialogues of joint-tiny\n')
    await using engine = await open(adapter, 'codes_zcj')
    // biome-ignore lint/suspicious/noExplicitAny: golden rows
    for (const want of readJsonLines(golden) as any[]) {
      const dialogue = want.dialog.map(({ speaker, ...it }: { speaker: string }) => ({
        ...it,
        speaker: speaker === 'sys' ? 'supporter' : 'seeker',
      }))
      const { max_length, min_length, no_repeat_ngram_size, num_beams = 1 } = want.arguments
      const given = want.strategy_mode === 'given' ? codes_zcj.strategies[want.strategy] : undefined
      const options = {
        ...{ strategy: given, doSample: false, maxNewTokens: max_length, minLength: min_length, numBeams: num_beams },
        ...{ noRepeatNgramSize: no_repeat_ngram_size, repetitionPenalty: want.arguments.repetition_penalty ?? 1 },
      }
      const { ids, text, strategy } = await engine.reply({ dialogue }, options)
      assert.equal([ids, text], [want.reply_ids, want.text])
      assert.is(strategy!.chosen, codes_zcj.strategies[want.strategy])
      for (const [i, name] of codes_zcj.strategies.entries()) {
        assert.ok(Math.abs(strategy!.probs[name] - want.strategy_probs[i]) < 5e-5)
      }
    }
  })

  joint(
    'a seed repeats strategy and words; strategies are drawn as their nucleus says, and not where they are not',
    async () => {
      await using engine = await open(adapter, 'codes_zcj')
      const { contexts } = await readCase(jointCases()[0]!)
      const question = { ids: { context: contexts[0]! } }
      const counts = new Map<string, number>()
      const draws = 200
      const replies = await Promise.all(
        Array.from({ length: draws }, (_, seed) => engine.reply(question, { seed, maxNewTokens: 1 })),
      )
      const { probs, predicted } = replies[0]!.strategy!
      for (const { strategy, ids } of replies) {
        counts.set(strategy!.chosen!, (counts.get(strategy!.chosen!) ?? 0) + 1)
        // Only the end is left.
        assert.equal(ids, [])
      }
      // The fewest that together are more probable than 0.9.
      const nucleus = new Map<string, number>()
      let mass = 0
      for (const [name, p] of Object.entries(probs).sort(([, a], [, b]) => b - a)) {
        if (mass > 0.9) break
        nucleus.set(name, p)
        mass += p
      }
      assert.ok(nucleus.size > 1)
      for (const name of STRATEGIES) {
        const p = (nucleus.get(name) ?? 0) / mass
        const found = (counts.get(name) ?? 0) / draws
        assert.ok(
          p === 0 ? found === 0 : Math.abs(found - p) < 5 * Math.sqrt((p * (1 - p)) / draws),
          `${name}: ${found}, ${p}`,
        )
      }

      const [a, b, likeliest, beams] = await Promise.all([
        engine.reply(question, { seed: 7 }),
        engine.reply(question, { seed: 7 }),
        engine.reply(question, { seed: 7, sampleStrategy: false }),
        engine.reply(question, { seed: 3, numBeams: 2, sampleStrategy: true, maxNewTokens: 4 }),
      ])
      assert.equal([a.ids, a.strategy], [b.ids, b.strategy])
      assert.is(likeliest.strategy!.chosen, predicted)
      assert.is(beams.strategy!.chosen, replies[3]!.strategy!.chosen)
      assert.ok(beams.ids.length <= 4)
    },
  )

  joint('a stream’s pieces are the text, without the strategy; no id of a reply is an added one', async () => {
    for (const program of ['codes', 'codes_zcj'] as const) {
      await using engine = await open(adapter, program)
      assert.is(engine.config.program, program)
      const pieces: string[] = []
      const stream = engine.stream(
        { dialogue: [{ speaker: 'seeker', text: 'i am sad' }] },
        { seed: 5, maxNewTokens: 9 },
      )
      for (;;) {
        const { done, value } = await stream.next()
        if (done) {
          assert.is(pieces.join(''), value.text)
          assert.ok(value.ids.length > 0 && value.ids.every((id) => id < N))
          assert.ok(STRATEGIES.includes(value.strategy!.chosen!))
          break
        }
        pieces.push(value.text)
      }
    }
  })

  joint.run()
}

const wrong = suite('engine/joint, what is refused')

wrong('mixtures, blocks, a COMET, too many ids', async () => {
  await using engine = await open(testAdapters[0]!, 'codes_zcj')
  const question = { dialogue: [{ speaker: 'seeker' as const, text: 'hi' }] }
  await refused(
    () => engine.reply(question, { strategy: new Array(8).fill(1 / 8) }),
    /replies in one strategy, and mixes none/,
  )
  await refused(() => engine.reply(question, { strategy: 'Greeting' as never }), /unknown strategy "Greeting"/)
  await refused(
    () => engine.reply(question, { sampleStrategy: 1 as never }),
    /sampleStrategy must be true or false, got 1/,
  )
  await refused(
    () => engine.reply({ ids: { context: [5], post: [[5]] } }),
    /ids\.post has 1 blocks, more than the model's 0/,
  )
  await refused(() => engine.reply({ ids: { context: new Array(65).fill(5) } }), /ids\.context has 65 ids/)
  await refused(() => load('nowhere', { comet: 'x' }), /nowhere/)
  const folder = await jointModel()
  await refused(
    () => load(folder, { comet: folder }),
    /BlenderBot-Joint, of the program codes_zcj, which reads no blocks/,
  )
})

wrong('a strategy in the caller’s words is the reply’s', async () => {
  await using engine = await open(testAdapters[0]!, 'codes')
  const question = { dialogue: [{ speaker: 'seeker' as const, text: 'hi' }] }
  const one = STRATEGIES.map((name) => (name === 'Information' ? 1 : 0))
  const [named, mixed] = await engine
    .replies([question, question], { strategy: 'Information', seed: 1, maxNewTokens: 3 })
    .then(async ([named]) => [named!, await engine.reply(question, { strategy: one, seed: 1, maxNewTokens: 3 })])
  assert.is(named!.strategy!.chosen, 'Information')
  assert.equal(mixed!.ids, named!.ids)
})

wrong.run()
