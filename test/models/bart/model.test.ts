import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { openModel } from '../../../src/engine/load-model.js'
import type { Gpu } from '../../../src/gpu/gpu.js'
import type { WeightDtype } from '../../../src/gpu/tensor.js'
import { openSafetensors } from '../../../src/io/safetensors.js'
import { BartModel } from '../../../src/models/bart/model.js'
import { rowsOf } from '../../../src/models/reference.js'
import { goldenCases, goldenModel } from '../../golden.js'
import { assertClose, firstGpuSuite, seededRandom } from '../../gpu.js'
import { atOnce, greedy, oneByOne } from '../../model-runs.js'
import { sharedPath } from '../../shared.js'
import { validated } from '../../validate/validated.js'

const GOLDENS = ['bart-tiny', 'blenderbot-tiny'] as const

async function open(gpu: Gpu, name: (typeof GOLDENS)[number], dtype?: WeightDtype): Promise<BartModel> {
  const model = await openModel(gpu, await goldenModel(name), { dtype })
  assert.instance(model, BartModel)
  return model as BartModel
}

/** Texts of these lengths, and ids for the decoder of those. */
function texts(lengths: readonly (readonly [text: number, ids: number])[]) {
  const random = seededRandom(5)
  const ids = (length: number) => Array.from({ length }, () => Math.floor(random() * 310))
  return lengths.map(([text, length]) => ({ input: ids(text), ids: ids(length) }))
}

firstGpuSuite('models/bart/model', (test) => {
  for (const name of GOLDENS) {
    test(`${name}: every stage, full and cached, in each dtype`, async (gpu) => {
      for (const dtype of ['f32', 'f16', 'int8'] as const) {
        const reports = await validated(gpu, await goldenModel(name), goldenCases(name), dtype)
        assert.equal(
          reports.map(({ mode }) => mode),
          ['full', 'cached', 'full', 'cached'],
        )
        for (const { mode, stages, argmax_agreement } of reports) {
          assert.equal(
            stages.map((stage) => stage.name),
            ['encoder.last_hidden_state', 'logits'],
          )
          assert.ok(
            stages.every((stage) => stage.ok),
            `${dtype} ${mode}: ${JSON.stringify(stages)}`,
          )
          if (dtype === 'f32') assert.is(argmax_agreement, 1)
        }
      }
    })

    test(`${name}: the file of the reference is as the one that is made here`, async (gpu) => {
      const shared = sharedPath('golden', name)
      if (!shared) return void process.stderr.write(`skipped, ../shared is missing: loads ${name} as it is\n`)
      const files = [0, 1].map((i) => join(shared, `case${i}.safetensors`))
      for (const { stages } of await validated(gpu, shared, files)) {
        assert.ok(
          stages.every((stage) => stage.ok),
          JSON.stringify(stages),
        )
      }
    })

    test(`${name}: generate.0, which is greedy, of each row alone and of all together`, async (gpu) => {
      const model = await open(gpu, name)
      const { decoderStartId, padId, eosIds } = model.config
      for (const path of goldenCases(name)) {
        await using file = await openSafetensors(path)
        const matrix = async (tensor: string) => ({
          values: await file.readI64(tensor),
          shape: file.tensors.get(tensor)!.shape,
        })
        const masks = rowsOf(await matrix('attention_mask'))
        const inputs = rowsOf(await matrix('input_ids')).map((row, b) => ({
          input: row.filter((_, i) => masks[b]![i] !== 0),
          history: [decoderStartId],
        }))
        const expected = rowsOf(await matrix('generate.0')).map((row) => {
          const end = row.findIndex((id, i) => i > 0 && eosIds.includes(id))
          if (end >= 0) assert.ok(row.slice(end + 1).every((id) => id === padId))
          return row.slice(1, end < 0 ? row.length : end + 1)
        })
        // max_length counts the start id.
        assert.equal(await greedy(gpu, model, inputs, 19), expected)
        for (const [b, input] of inputs.entries()) assert.equal(await greedy(gpu, model, [input], 19), [expected[b]])
      }
    })

    test(`${name}: id by id is as all at once, and a row of a ragged batch as it is alone`, async (gpu) => {
      const model = await open(gpu, name)
      const inputs = texts([
        [1, 7],
        [64, 1],
        [11, 64],
        [2, 12],
        [33, 5],
      ])
      const together = await atOnce(gpu, model, inputs)
      const stepped = await oneByOne(gpu, model, inputs)
      for (const [i, input] of inputs.entries()) {
        assertClose(stepped[i]!, together[i]!, 1e-5)
        assertClose((await atOnce(gpu, model, [input]))[0]!, together[i]!, 1e-5)
        assertClose((await oneByOne(gpu, model, [input]))[0]!, together[i]!, 1e-5)
      }
    })
  }
})
