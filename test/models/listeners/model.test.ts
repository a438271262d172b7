import * as assert from 'uvu/assert'
import { openModel } from '../../../src/engine/load-model.js'
import type { Gpu } from '../../../src/gpu/gpu.js'
import type { WeightDtype } from '../../../src/gpu/tensor.js'
import { ListenersModel } from '../../../src/models/listeners/model.js'
import { goldenCases, goldenModel } from '../../golden.js'
import { assertClose, gpuSuite, seededRandom } from '../../gpu.js'
import { atOnce, oneByOne } from '../../model-runs.js'
import { validated } from '../../validate/validated.js'

const GOLDENS = ['transformer-tiny', 'moel-tiny', 'mime-tiny'] as const
type Name = (typeof GOLDENS)[number]

const STAGES = {
  'transformer-tiny': ['encoder.last_hidden_state', 'emotion.logits', 'log_probs'],
  'moel-tiny': ['encoder.last_hidden_state', 'listeners.weights', 'log_probs'],
  'mime-tiny': ['encoder.last_hidden_state', 'emotion.logits', 'log_probs'],
}

async function open(gpu: Gpu, name: Name, dtype?: WeightDtype): Promise<ListenersModel> {
  const model = await openModel(gpu, await goldenModel(name), { dtype })
  assert.instance(model, ListenersModel)
  return model as ListenersModel
}

/** Contexts of these lengths, and so many ids for the decoder. */
function contexts(lengths: readonly (readonly [context: number, ids: number])[]) {
  const random = seededRandom(5)
  const ids = (length: number) => Array.from({ length }, () => 7 + Math.floor(random() * 190))
  return lengths.map(([length, count]) => ({
    input: {
      ids: [6, ...ids(length - 1)],
      roles: [6, ...Array.from({ length: length - 1 }, (_, i) => 4 + ((i >> 3) % 2))],
    },
    ids: [3, ...ids(count - 1)],
  }))
}

gpuSuite('models/listeners/model', (test) => {
  for (const name of GOLDENS) {
    test(`${name}: every stage and the greedy ids, full and cached, in each dtype`, async (gpu) => {
      for (const dtype of ['f32', 'f16', 'int8'] as const) {
        const reports = await validated(gpu, await goldenModel(name), goldenCases(name), dtype)
        assert.equal(
          reports.map(({ mode }) => mode),
          ['full', 'cached', 'full', 'cached'],
        )
        for (const { mode, stages, argmax_agreement, greedy_agreement } of reports) {
          assert.equal(
            stages.map((stage) => stage.name),
            STAGES[name],
          )
          assert.ok(
            stages.every((stage) => stage.ok),
            `${dtype} ${mode}: ${JSON.stringify(stages)}`,
          )
          if (dtype === 'f32') assert.equal([argmax_agreement, greedy_agreement], [1, 1])
        }
      }
    })

    test(`${name}: id by id is as all at once, and a row of a ragged batch as it is alone`, async (gpu) => {
      const model = await open(gpu, name)
      const inputs = contexts([
        [1, 7],
        [64, 1],
        [11, 40],
        [2, 12],
        [33, 5],
      ])
      const together = await atOnce(gpu, model, inputs)
      const stepped = await oneByOne(gpu, model, inputs)
      for (const [i, input] of inputs.entries()) {
        assertClose(stepped[i]!, together[i]!, 2e-5)
        assertClose((await atOnce(gpu, model, [input]))[0]!, together[i]!, 2e-5)
        assertClose((await oneByOne(gpu, model, [input]))[0]!, together[i]!, 2e-5)
      }
      model.dispose()
    })
  }
})
