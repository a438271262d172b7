/** The packaged models: their tokenizer and, for misc-mini, every stage on two real test rows, against PyTorch. */
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadModel } from '../src/engine/load-model.js'
import { packagedModel } from '../src/engine/misc.js'
import { openCheckpoint } from '../src/io/checkpoint.js'
import { parseConfig } from '../src/model/config.js'
import { checkTensors } from '../src/model/tensor-names.js'
import { Tokenizer } from '../src/text/tokenizer.js'
import { stageLimits } from '../src/validate/comparison.js'
import { readReferenceCase } from '../src/validate/reference-case.js'
import { validateCase } from '../src/validate/validate.js'
import { fixture, readJsonLines } from './fixtures.js'
import { gpuSuite } from './gpu.js'

const weights = suite('weights')

weights('misc-mini’s tokenizer gives the ids that it was trained on', async () => {
  const tokenizer = await Tokenizer.load(packagedModel)
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
  const config = parseConfig(checkpoint.config, checkpoint.configFile)
  assert.is(config.modelType, 'bart')
  assert.is(checkTensors(checkpoint.tensors, config, folder).variant, 'plain')
  assert.is((await Tokenizer.load(folder)).vocabSize, (await Tokenizer.load(packagedModel)).vocabSize)
})

weights.run()

gpuSuite('misc-mini', (test) => {
  test('agrees with PyTorch at every stage', async (gpu) => {
    const model = await loadModel(gpu, packagedModel)
    const reference = await readReferenceCase(fixture('misc-mini-reference.safetensors'), model.config)
    for (const { mode, stages, argmax_agreement } of await validateCase(gpu, model, reference, stageLimits.f32)) {
      const off = stages.filter((stage) => !stage.ok)
      assert.equal(off, [], `${mode}: ${off.map((stage) => stage.name)}`)
      assert.ok(stages.some((stage) => stage.name === 'logits'))
      assert.is(argmax_agreement, 1)
    }
  })
})
