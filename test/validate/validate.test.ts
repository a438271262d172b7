import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { describeFolder, openModel } from '../../src/engine/load-model.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import { readJsonFile } from '../../src/io/text-file.js'
import { parseConfig } from '../../src/models/misc/config.js'
import type { MiscModel } from '../../src/models/misc/model.js'
import { stageLimits } from '../../src/validate/comparison.js'
import { readReferenceCase } from '../../src/validate/reference-case.js'
import { firstFailure, validateCase } from '../../src/validate/validate.js'
import { GOLDEN_NAMES, goldenCases, goldenFolder, goldenModel } from '../golden.js'
import { firstGpuSuite, sharedGpu, testAdapters } from '../gpu.js'
import { miscReader } from './misc-reader.js'
import { type Change, changedModel } from './planted.js'
import { rewritten } from './rewritten.js'
import { validated } from './validated.js'

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
    const model = await changedModel({
      [tensor]: (values) => {
        for (let i = 0; i < values.length; i++) values[i]! += 0.01 * ((i % 7) - 3)
      },
    })
    const reports = await validated(gpu, model, [tiny])
    assert.equal(
      reports.map((report) => firstFailure([report])?.stage),
      [stage, stage],
    )
  })
}

/** Faults that programs have, as changes of what they read, and the stages that compute something else of the same inputs. */
const planted: readonly [fault: string, stages: string[], changes: Record<string, Change>][] = [
  [
    'a weight of the wrong sign',
    ['decoder.hidden.1'],
    {
      'model.decoder.layers.0.fc1.weight': (values) => {
        const largest = values.reduce((at, it, i) => (Math.abs(it) > Math.abs(values[at]!) ? i : at), 0)
        values[largest]! *= -1
      },
    },
  ],
  // Blocks go through the same encoder, before the context.
  [
    'a matrix transposed',
    ['blocks.post', 'blocks.situation', 'encoder.hidden.1'],
    { 'model.encoder.layers.0.self_attn.out_proj.weight': transpose },
  ],
  ['a bias dropped', ['decoder.hidden.2'], { 'model.decoder.layers.1.fc2.bias': (values) => values.fill(0) }],
  [
    'positions shifted by one',
    ['decoder.hidden.0'],
    { 'model.decoder.embed_positions.weight': (values) => values.copyWithin(0, 64) },
  ],
  [
    'a fusion without its second projection',
    ['fusion.post'],
    { 'model.encoder.layers.1.muAttn.v2_proj.weight': (values) => values.fill(0) },
  ],
]

function transpose(values: Float32Array): void {
  const size = Math.sqrt(values.length)
  const before = values.slice()
  for (let i = 0; i < values.length; i++) values[i] = before[(i % size) * size + Math.floor(i / size)]!
}

for (const [fault, stages, changes] of planted) {
  failures(`${fault} is seen in ${stages}, and nowhere else`, async () => {
    const reports = await validated(gpu, await changedModel(changes), [tiny])
    for (const report of reports) {
      assert.is(firstFailure([report])?.stage, stages[0], report.mode)
      const off = report.stages.filter((it) => !it.ok).map(({ name }) => name)
      assert.equal(off, stages, `${report.mode}: what comes after adds nothing`)
      assert.ok(report.stages.at(-1)!.max_abs > 0)
    }
  })
}

failures('sources swapped, and a cache that keeps a stale row: seen where they are read', async () => {
  const reference = await readReferenceCase(tiny, await describeFolder(await goldenModel('misc-tiny-released')))
  for (const [fault, plant] of Object.entries(faultyModels)) {
    const model = await openModel(gpu, await goldenModel('misc-tiny-released'), { family: 'misc' })
    plant(model as MiscModel)
    const reports = await validateCase(gpu, model, reference, { limits: stageLimits('f32', 'misc') })
    const seen = reports.map((report) => firstFailure([report])?.stage)
    assert.equal(
      seen,
      fault === 'a stale row' ? [undefined, 'decoder.hidden.1'] : ['decoder.hidden.1', 'decoder.hidden.1'],
      fault,
    )
    model.dispose()
  }
})

/** Faults of programs, planted into a model's own functions. */
const faultyModels: Record<string, (model: MiscModel) => void> = {
  'sources swapped': (model) => {
    for (const layer of model.weights.decoder.layers) {
      const [context, post, situation] = layer.crossKeyValue
      Object.assign(layer, { crossKeyValue: [context, situation, post] })
    }
  },
  // Every step reads the second row of the cache as it was before the step that wrote it.
  'a stale row': (model) => {
    const step = model.step.bind(model)
    model.step = (pass, cache, rows) => {
      const logits = step(pass, cache, rows)
      if (rows.newRows === 1) pass.recorder.copy(cache.self[0]!.keys, cache.self[0]!.values, 64)
      return logits
    }
  },
}

failures('a weight that is no number is a failure, not a crash', async () => {
  const model = await changedModel({
    'model.decoder.layernorm_embedding.bias': (values) => {
      values[3] = Number.NaN
    },
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
