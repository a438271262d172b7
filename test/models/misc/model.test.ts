import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as assert from 'uvu/assert'
import { openSafetensors } from '../../../src/io/safetensors.js'
import { readJsonFile } from '../../../src/io/text-file.js'
import { goldenCases, goldenModel } from '../../golden.js'
import { gpuSuite, randomValues } from '../../gpu.js'
import { rewritten } from '../../validate/rewritten.js'
import { validated } from '../../validate/validated.js'

/** A golden model as BART's kin keeps it: two rows of anything before the first position, on either side. */
async function withOffset(): Promise<string> {
  const model = await goldenModel('misc-tiny-paper')
  await using file = await openSafetensors(join(model, 'model.safetensors'))
  const changes: Record<string, { shape: number[]; values: Float32Array }> = {}
  for (const side of ['encoder', 'decoder']) {
    const name = `model.${side}.embed_positions.weight`
    const [rows = 0, d = 0] = file.tensors.get(name)!.shape
    const values = randomValues((rows + 2) * d)
    values.set(await file.readF32(name), 2 * d)
    changes[name] = { shape: [rows + 2, d], values }
  }
  const folder = dirname(await rewritten(join(model, 'model.safetensors'), changes, 'model.safetensors'))
  const config = (await readJsonFile(join(model, 'config.json'))) as object
  const ids = { pad_token_id: 0, bos_token_id: 1, decoder_start_token_id: 1 }
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, model_type: 'bart', ...ids }))
  return folder
}

gpuSuite('models/misc/model', (test) => {
  test('on a backbone whose positions have an offset: every stage, both ways', async (gpu) => {
    const reports = await validated(gpu, await withOffset(), goldenCases('misc-tiny-paper').slice(1, 2))
    assert.is(reports.length, 2)
    for (const { mode, stages, greedy_agreement } of reports) {
      assert.ok(stages.length > 5 && stages.every((stage) => stage.ok), `${mode}: ${JSON.stringify(stages)}`)
      assert.is(greedy_agreement, 1)
    }
  })
})
