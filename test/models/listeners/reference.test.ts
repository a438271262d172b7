import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { describeFolder } from '../../../src/engine/load-model.js'
import { readReferenceCase } from '../../../src/validate/reference-case.js'
import { goldenCases, goldenFolder } from '../../golden.js'
import { refused } from '../../throws.js'
import { rewritten } from '../../validate/rewritten.js'

const reference = suite('models/listeners/reference')
const [small, batch] = goldenCases('mime-tiny') as [string, string]
const description = await describeFolder(goldenFolder('mime-tiny'))

reference('reads contexts and replies without padding, and the noise', async () => {
  const { inputs, decoderIds, stages, decodes } = await readReferenceCase(batch, description)
  const contexts = inputs as readonly { ids: number[]; roles: number[]; noise: { positive: Float32Array } }[]
  assert.equal(
    contexts.map(({ ids, roles, noise }) => [ids.length, roles.length, noise.positive.length]),
    [1, 17, 40].map((length) => [length, length, 36]),
  )
  assert.equal(
    decoderIds.map((row) => row.length),
    [4, 1, 9],
  )
  assert.is(stages.get('log_probs')!.length, 14 * 203)
  assert.is(stages.get('encoder.last_hidden_state')!.length, 58 * 36)
  assert.equal(
    decodes.map(({ name }) => name),
    ['generate.greedy'],
  )
})

reference('what a file lacks or has in another shape is named', async () => {
  const ints = (rows: number, columns: number, value = 7) => ({
    shape: [rows, columns],
    values: new Array<number>(rows * columns).fill(value),
  })
  const wrong: [Parameters<typeof rewritten>[1], RegExp][] = [
    [{ role_ids: undefined }, /holds no tensor role_ids; a reference file needs it/],
    [{ labels: undefined }, /holds no tensor labels/],
    [{ role_ids: ints(1, 8) }, /role_ids has shape \[1,8\], expected \[1,9\]/],
    [{ role_ids: ints(1, 9, 203) }, /id 203 is out of the vocabulary of 203/],
    [{ labels: ints(1, 7) }, /labels has shape \[1,7\], expected \[1,6\]/],
    [{ labels: ints(2, 6) }, /labels has 2 rows, input_ids 1/],
    [{ labels: ints(1, 6, 1) }, /an input or reply has no ids/],
    [{ 'noise.positive': undefined }, /holds no tensor noise\.positive/],
    [
      { 'noise.negative': { shape: [1, 35], values: new Float32Array(35) } },
      /noise\.negative has shape \[1,35\], expected \[1,36\]/,
    ],
    [{ log_probs: { shape: [1, 6, 202], values: new Float32Array(1212) } }, /log_probs has shape \[1,6,202\]/],
  ]
  for (const [changes, message] of wrong) {
    const file = await rewritten(small, changes)
    await refused(() => readReferenceCase(file, description), message)
  }
})

reference.run()
