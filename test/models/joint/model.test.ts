import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { describeFolder, openModel } from '../../../src/engine/load-model.js'
import { JointModel } from '../../../src/models/joint/model.js'
import { gpuSuite } from '../../gpu.js'
import { jointCases, jointModel } from '../../joint.js'
import { tempFolder } from '../../temp.js'
import { validated } from '../../validate/validated.js'

gpuSuite('models/joint/model', (test) => {
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
