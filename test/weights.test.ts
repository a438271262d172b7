/**
 * The packaged models: their tokenizer and, for misc-mini, every stage on two real test rows, against PyTorch, and that what
 * a long post says is heard.
 */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { load } from '../src/engine/load.js'
import { describeFolder, openModel } from '../src/engine/load-model.js'
import { Misc } from '../src/engine/misc.js'
import { openCheckpoint } from '../src/io/checkpoint.js'
import { recognizeModel } from '../src/models/registry.js'
import { packagedModel } from '../src/platform/node/packaged-model.js'
import { STRATEGIES } from '../src/text/strategies.js'
import { Tokenizer } from '../src/text/tokenizer.js'
import { stageLimits } from '../src/validate/comparison.js'
import { readReferenceCase } from '../src/validate/reference-case.js'
import { validateCase } from '../src/validate/validate.js'
import { fixture, readJsonLines } from './fixtures.js'
import { firstGpuSuite, testAdapters } from './gpu.js'

const weights = suite('weights')

weights('misc-mini’s tokenizer gives the ids that it was trained on', async () => {
  const tokenizer = await Tokenizer.load(packagedModel())
  const lines = readJsonLines(fixture('misc-mini-tokenizer.jsonl')) as {
    text: string
    ids: number[]
    decoded: string
  }[]
  assert.is(lines.length, 40)
  for (const { text, ids, decoded } of lines) {
    assert.equal(await tokenizer.encode(text), ids, text)
    assert.is(tokenizer.decode(ids), decoded)
  }
})

weights('comet-mini is a sound BART-layout model with the same vocabulary', async () => {
  const folder = fileURLToPath(new URL('../weights/comet-mini', import.meta.url))
  await using checkpoint = await openCheckpoint(folder)
  const { family, config } = recognizeModel(checkpoint, folder)
  assert.is(config.modelType, 'bart')
  assert.is(family, 'bart')
  assert.is((await Tokenizer.load(folder)).vocabSize, (await Tokenizer.load(packagedModel())).vocabSize)
})

/** Table 2's baselines, which lie in the repository alone, in the order of the paper. */
const baselines = ['transformer-mini', 'mt-transformer-mini', 'moel-mini', 'mime-mini', 'blenderbot-joint-mini']

for (const name of baselines) {
  weights(`table2/${name} replies in words, takes less than 12 MB, and is marked non-commercial`, async () => {
    const folder = fileURLToPath(new URL(`../weights/table2/${name}`, import.meta.url))
    assert.ok(statSync(join(folder, 'model.safetensors')).size < 12e6)
    for (const file of ['LICENSE', 'README.md']) assert.match(readFileSync(join(folder, file), 'utf8'), /CC BY-NC 4\.0/)
    await using engine = await load(folder, { adapter: testAdapters[0]!, tune: false })
    const dialogue = [
      { speaker: 'supporter' as const, strategy: 'Question' as const, text: 'hello , how are you ?' },
      { speaker: 'seeker' as const, text: 'i lost my job and i am so sad' },
    ]
    const { text, finishReason } = await engine.reply({ dialogue }, { doSample: false, maxNewTokens: 60 })
    assert.is(finishReason, 'stop')
    assert.ok(/^[a-z ]*[a-z]{2}/i.test(text) && !/unk/i.test(text), text)
  })
}

weights('two long posts, one of despair and one of joy, are not the same to misc-mini', async () => {
  const tokenizer = await Tokenizer.load(packagedModel())
  const posts = [
    'i feel so sad , alone and afraid , and i cry all day . ',
    'i am so happy , my life is great and i love it ! ',
  ]
  await using misc = await Misc.load(packagedModel(), { adapter: testAdapters[0]!, tune: false, comet: false })
  const answers = posts.map(async (sentence) => {
    const words = await tokenizer.encode(sentence)
    const text = sentence.repeat(Math.floor(760 / words.length)) + 'i '.repeat(760 % words.length)
    assert.is((await tokenizer.encode(text)).length, 760)
    const dialogue = [
      { speaker: 'seeker' as const, text: 'hi' },
      { speaker: 'supporter' as const, text: 'how are you ?' },
      { speaker: 'seeker' as const, text },
    ]
    const { ids, strategy, cut } = await misc.reply({ dialogue }, { seed: 1, maxNewTokens: 24 })
    // "hi" and EOS, "how are you ?" and EOS, and of 760 ids and EOS all but 511.
    assert.equal(cut, { utterances: 2, ids: 2 + 5 + 250 })
    return { ids, probs: STRATEGIES.map((name) => strategy!.probs[name]) }
  })
  const [despair, joy] = await Promise.all(answers)
  assert.not.equal(joy!.ids, despair!.ids)
  const apart = despair!.probs.map((p, i) => Math.abs(p - joy!.probs[i]!))
  assert.ok(Math.max(...apart) > 0.01, `${apart}`)
})

weights.run()

firstGpuSuite('misc-mini', (test) => {
  test('agrees with PyTorch at every stage', async (gpu) => {
    const model = await openModel(gpu, packagedModel())
    const reference = await readReferenceCase(
      fixture('misc-mini-reference.safetensors'),
      await describeFolder(packagedModel()),
    )
    const limits = stageLimits('f32', 'misc')
    for (const { mode, stages, argmax_agreement } of await validateCase(gpu, model, reference, { limits })) {
      const off = stages.filter((stage) => !stage.ok)
      assert.equal(off, [], `${mode}: ${off.map((stage) => stage.name)}`)
      assert.ok(stages.some((stage) => stage.name === 'logits'))
      assert.is(argmax_agreement, 1)
    }
  })
})
