import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { inspect } from '../../../src/cli/inspect.js'
import { describeFolder, openModel } from '../../../src/engine/load-model.js'
import { openSafetensors } from '../../../src/io/safetensors.js'
import { writeSafetensors } from '../../../src/io/safetensors-writer.js'
import { JointModel } from '../../../src/models/joint/model.js'
import { JOINT_PROGRAMS } from '../../../src/text/joint-programs.js'
import { assertClose, firstGpuSuite } from '../../gpu.js'
import { jointCases, jointModel } from '../../joint.js'
import { atOnce } from '../../model-runs.js'
import { tempFolder } from '../../temp.js'
import { validated } from '../../validate/validated.js'

/** What the public checkpoint is said to hold beside. */
const EXTRA = ['encoder', 'decoder'].flatMap((side) => [`model.${side}.wre.weight`, `model.${side}.wte.weight`])

/** joint-tiny as `codes` would save it: its names, [CLS] after them, and tensors of roles and turns. */
async function publishedModel(): Promise<string> {
  const [from, folder] = [await jointModel(), tempFolder()]
  cpSync(from, folder, { recursive: true, filter: (path) => !path.endsWith('.safetensors') })
  const tokens = [...JOINT_PROGRAMS.codes.tokens, '[CLS]'].map((token, i) => [token, 300 + i])
  writeFileSync(join(folder, 'added_tokens.json'), JSON.stringify(Object.fromEntries(tokens)))
  const config = JSON.parse(readFileSync(join(from, 'config.json'), 'utf8'))
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, vocab_size: 309 }))
  await using file = await openSafetensors(join(from, 'model.safetensors'))
  const grown: Readonly<Record<string, number[]>> = { 'model.shared.weight': [309, 64], final_logits_bias: [1, 309] }
  const tensors = await Promise.all(
    [...file.tensors.values()].map(async ({ name, shape }) => {
      const size = grown[name] ?? shape
      const values = new Float32Array(size.reduce((product, it) => product * it, 1))
      values.set(await file.readF32(name))
      return { name, dtype: 'F32' as const, shape: size, data: () => [values] }
    }),
  )
  const extra = EXTRA.map((name) => ({
    name,
    dtype: 'F32' as const,
    shape: [2, 64],
    data: () => [new Float32Array(128)],
  }))
  await writeSafetensors(join(folder, 'model.safetensors'), [...tensors, ...extra])
  return folder
}

firstGpuSuite('models/joint/model', (test) => {
  test('every stage of every case, full and cached, in each dtype', async (gpu) => {
    for (const dtype of ['f32', 'f16', 'int8'] as const) {
      const reports = await validated(gpu, await jointModel(), jointCases(), dtype)
      assert.is(reports.length, 2 * jointCases().length)
      for (const { mode, file, stages, argmax_agreement } of reports) {
        const names = stages.map(({ name }) => name)
        for (const name of [
          'strategy.logits',
          'strategy.probs',
          'encoder.last_hidden_state',
          'decoder.hidden.2',
          'logits',
        ]) {
          assert.ok(names.includes(name), `${name} of ${names}`)
        }
        assert.ok(
          stages.every((stage) => stage.ok),
          `${dtype} ${mode} ${file}: ${JSON.stringify(stages)}`,
        )
        if (dtype === 'f32') assert.is(argmax_agreement, 1)
      }
    }
  })

  test('a checkpoint of codes: [CLS] beside the strategies, and tensors that take no part', async (gpu) => {
    const folder = await publishedModel()
    const description = await describeFolder(folder)
    assert.is(description.title, 'BlenderBot-Joint, of the program codes')
    const { unused } = await inspect(folder).then((it) => ({ unused: it.unused.map(({ name }) => name).sort() }))
    assert.equal(unused, [...EXTRA].sort())
    const { vocabSize } = description.config
    assert.is(vocabSize, 309)
    const model = (await openModel(gpu, folder, { family: 'joint' })) satisfies JointModel
    // One more row changes nothing of the others.
    const plain = await openModel(gpu, await jointModel(), { family: 'joint' })
    const input = { input: { ids: [20, 21, 128] }, ids: [1, 303, 11, 14] }
    const [more, few] = [(await atOnce(gpu, model, [input]))[0]!, (await atOnce(gpu, plain, [input]))[0]!]
    for (let i = 0; i < 4; i++)
      assertClose(more.subarray(309 * i, 309 * i + 308), few.subarray(308 * i, 308 * (i + 1)), 1e-5)
    model.dispose()
    plain.dispose()
  })

  test('without added tokens the same files are a plain backbone', async (gpu) => {
    const folder = tempFolder()
    cpSync(await jointModel(), folder, { recursive: true })
    rmSync(join(folder, 'added_tokens.json'))
    assert.is((await describeFolder(folder)).family, 'bart')
    const model = await openModel(gpu, await jointModel())
    assert.instance(model, JointModel)
    model.dispose()
  })
})
