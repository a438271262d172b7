import { cpSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Gpu } from '../../src/gpu/gpu.js'
import { readJsonFile } from '../../src/io/text-file.js'
import { parseConfig } from '../../src/models/misc/config.js'
import { readReferenceCase } from '../../src/validate/reference-case.js'
import { firstFailure } from '../../src/validate/validate.js'
import { GOLDEN_NAMES, goldenCases, goldenFolder, goldenModel } from '../golden.js'
import { firstGpuSuite, sharedGpu, testAdapters } from '../gpu.js'
import { miscReader } from './misc-reader.js'
import { rewritten } from './rewritten.js'
import { validated } from './validated.js'

/** A copy of a golden model with one tensor changed. */
async function changedModel(tensor: string, change: (values: Float32Array) => void): Promise<string> {
  const model = await goldenModel('misc-tiny-released')
  const path = await rewritten(join(model, 'model.safetensors'), { [tensor]: change }, 'model.safetensors')
  cpSync(join(model, 'config.json'), join(dirname(path), 'config.json'))
  return dirname(path)
}

firstGpuSuite('validate/validate', (test) => {
  for (const name of GOLDEN_NAMES) {
    test(`${name}: every stage and every decoded id, both ways`, async (gpu) => {
      const reports = await validated(gpu, await goldenModel(name), goldenCases(name))
      const config = parseConfig(await readJsonFile(join(goldenFolder(name), 'config.json')), name)
      assert.is(firstFailure(reports)?.stage, undefined)
      for (const { file, mode, stages, ...agreement } of reports) {
        assert.equal(agreement, { argmax_agreement: 1, greedy_agreement: 1 }, `${file} ${mode}`)
        const expected = (await readReferenceCase(file, miscReader(config))).stages
        assert.equal(stages.map((stage) => stage.name).sort(), [...expected.keys()].sort())
      }
    })
  }

  for (const dtype of ['f16', 'int8'] as const) {
    test(`weights in ${dtype} are off by what their rounding explains`, async (gpu) => {
      const name = 'misc-odd-released'
      const files = goldenCases(name).slice(0, 1)
      const reports = await validated(gpu, await goldenModel(name), files, dtype)
      assert.is(firstFailure(reports), undefined)
      for (const { stages } of reports) {
        const logits = stages.find((stage) => stage.name === 'logits')!
        assert.ok(logits.max_abs > 1e-4, `as exact as f32: ${logits.max_abs}`)
      }
    })
  }
})

// What a failure looks like does not depend on the adapter.
const failures = suite(`validate/validate: failures on ${testAdapters[0]}`)
let gpu: Gpu
failures.before(async () => {
  gpu = await sharedGpu(testAdapters[0]!)
})

// The smallest case: one context id, one block of each kind.
const tiny = goldenCases('misc-tiny-released')[0]!
for (const [tensor, stage] of [
  ['model.encoder.layers.1.fc1.weight', 'blocks.post'],
  ['model.encoder.layers.0.muAttn_st.v1_proj.bias', 'fusion.situation'],
  ['model.encoder.strategy_head.bias', 'strategy.logits'],
  ['model.decoder.layers.1.encoder_attn_comet.v_proj.weight', 'decoder.hidden.2'],
  ['final_logits_bias', 'logits'],
] as const) {
  failures(`a changed ${tensor} is seen first in ${stage}`, async () => {
    const model = await changedModel(tensor, (values) => {
      for (let i = 0; i < values.length; i++) values[i]! += 0.01 * ((i % 7) - 3)
    })
    const reports = await validated(gpu, model, [tiny])
    assert.equal(
      reports.map((report) => firstFailure([report])?.stage),
      [stage, stage],
    )
  })
}

failures('a weight that is no number is a failure, not a crash', async () => {
  const model = await changedModel('model.decoder.layernorm_embedding.bias', (values) => {
    values[3] = Number.NaN
  })
  const reports = await validated(gpu, model, [tiny])
  assert.equal(
    reports.map((report) => firstFailure([report])?.stage),
    ['decoder.hidden.0', 'decoder.hidden.0'],
  )
})

failures('other decoded ids are a failure where their margins are wide, and only there', async () => {
  const shift = (margin: number) => ({
    'decode.greedy': { shape: [1, 24], values: Array<number>(24).fill(7) },
    'decode.greedy.margin': { shape: [1, 24], values: new Float32Array(24).fill(margin) },
    'decode.penalised': undefined,
    'decode.penalised_context': undefined,
  })
  const model = await goldenModel('misc-tiny-released')
  const wide = await validated(gpu, model, [await rewritten(tiny, shift(0.5))])
  assert.equal(
    wide.map((report) => firstFailure([report])?.stage),
    ['decode', 'decode'],
  )
  assert.ok(wide.every(({ greedy_agreement }) => greedy_agreement! < 1))
  const narrow = await validated(gpu, model, [await rewritten(tiny, shift(9e-4))])
  assert.equal([firstFailure(narrow), narrow[0]!.greedy_agreement], [undefined, null])
})

failures('a dialogue without any block', async () => {
  const none = (name: string) => ({
    [`${name}_blocks.input_ids`]: { shape: [1, 0, 10], values: [] },
    [`${name}_blocks.mask`]: { shape: [1, 0], values: [] },
    [`blocks.${name}`]: { shape: [1, 0, 64], values: new Float32Array(0) },
    [`fusion.${name}`]: { shape: [1, 0, 64], values: new Float32Array(0) },
  })
  const path = await rewritten(tiny, { ...none('post'), ...none('situation') })
  const [full] = await validated(gpu, await goldenModel('misc-tiny-released'), [path])
  assert.is(firstFailure([full!])?.stage, 'decoder.hidden.1')
})

failures.run()
