import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readJsonFile } from '../../src/io/text-file.js'
import { parseConfig } from '../../src/models/misc/config.js'
import { readReferenceCase } from '../../src/validate/reference-case.js'
import { goldenCases, goldenFolder } from '../golden.js'
import { refused } from '../throws.js'
import { miscReader } from './misc-reader.js'
import { rewritten } from './rewritten.js'

const reference = suite('validate/reference-case')
const config = miscReader(
  parseConfig(await readJsonFile(join(goldenFolder('misc-tiny-released'), 'config.json')), 'config.json'),
)
// One dialogue: context 9, blocks 5 and 4, reply 6, of d 64 and V 300.
const small = goldenCases('misc-tiny-released')[0]!
const batch = goldenCases('misc-tiny-released')[1]!

reference('reads inputs without padding, and the stages of unmasked positions', async () => {
  const { file, inputs, decoderIds, stages, decodes } = await readReferenceCase(batch, config)
  assert.is(file, batch)
  const contexts = inputs.map((it) => it.context.length)
  const rows = contexts.reduce((a, b) => a + b, 0)
  assert.ok(rows < 3 * 40, 'the case has padding')
  assert.equal([inputs.length, decoderIds.length, decoderIds[0]!.length], [3, 3, 12])
  assert.is(stages.get('encoder.last_hidden_state')!.length, rows * 64)
  assert.is(stages.get('fusion.post')!.length, inputs.reduce((sum, it) => sum + it.post.length, 0) * 64)
  assert.is(stages.get('logits')!.length, 3 * 12 * 300)
  assert.equal(
    decodes.map(({ name }) => name),
    ['decode.greedy', 'decode.penalised', 'decode.penalised_context'],
  )
})

reference('a decoded row ends with EOS', async () => {
  const { decodes } = await readReferenceCase(goldenCases('misc-tiny-eos-released')[0]!, config)
  for (const { ids, margins } of decodes) {
    assert.equal(
      ids.map((row) => row.indexOf(2)),
      ids.map((row) => row.length - 1),
    )
    assert.equal(
      margins.map((row) => row.length),
      ids.map((row) => row.length),
    )
  }
})

reference('what a file lacks or has in another shape is named', async () => {
  const ones = (size: number) => Array<number>(size).fill(1)
  const floats = (size: number) => new Float32Array(size)
  const wrong: [Parameters<typeof rewritten>[1], RegExp][] = [
    [{ input_ids: undefined }, /holds no tensor input_ids; a reference file needs it$/],
    [{ 'post_blocks.mask': undefined }, /holds no tensor post_blocks\.mask/],
    [{ input_ids: { shape: [9], values: ones(9) } }, /input_ids has shape \[9\], expected 2 sizes/],
    [{ input_ids: { shape: [0, 9], values: [] } }, /input_ids has shape \[0,9\]/],
    [{ input_ids: { shape: [1, 9], values: floats(9) } }, /tensor "input_ids" is F32, but I64 is needed/],
    [{ input_ids: { shape: [1, 9], values: [...ones(8), 300] } }, /id 300 is out of the vocabulary of 300/],
    [{ input_ids: { shape: [1, 9], values: [...ones(8), -1] } }, /id -1 is out of the vocabulary/],
    [{ attention_mask: { shape: [1, 9], values: [1, 0, 1, 1, 1, 1, 1, 1, 1] } }, /attention_mask of row 0 has a gap/],
    [{ attention_mask: { shape: [1, 9], values: Array(9).fill(0) } }, /an input or reply has no ids/],
    [{ attention_mask: { shape: [2, 9], values: ones(18) } }, /attention_mask has 2 rows, input_ids 1/],
    [
      { 'post_blocks.mask': { shape: [1, 4], values: ones(4) } },
      /post_blocks\.mask has shape \[1,4\], expected \[1, 5\]/,
    ],
    [{ decoder_input_ids: { shape: [2, 3], values: ones(6) } }, /decoder_input_ids has 2 rows/],
    [{ decoder_input_ids: { shape: [1, 200], values: ones(200) } }, /200 ids, the model has \d+ positions/],
    [
      { logits: { shape: [1, 6, 301], values: floats(1806) } },
      /logits has shape \[1,6,301\], this model gives \[1,6,300\]/,
    ],
    [{ logits: { shape: [], values: floats(1) } }, /logits has shape \[\], this model gives/],
    [{ 'fusion.post': { shape: [1, 4, 64], values: floats(256) } }, /fusion\.post has shape/],
    [{ 'encoder.hidden.3': { shape: [1, 9, 64], values: floats(576) } }, /holds encoder\.hidden\.3, a layer more/],
    [{ 'strategy.probs': { shape: [1, 8], values: ones(8) } }, /tensor "strategy\.probs" is I64/],
    [
      { 'decode.greedy': { shape: [2, 24], values: ones(48) } },
      /decode\.greedy has shape \[2,24\], expected \[1, 24\]/,
    ],
    [{ 'decode.greedy.margin': { shape: [1, 3], values: floats(3) } }, /decode\.greedy\.margin has shape \[1,3\]/],
    [{ 'decode.greedy': { shape: [1, 24], values: Array(24).fill(999) } }, /id 999 is out of the vocabulary/],
  ]
  for (const [changes, cause] of wrong) {
    const path = await rewritten(small, changes)
    await refused(() => readReferenceCase(path, config), cause, new RegExp(path))
  }
})

reference('a file without any stage is refused; one stage is enough', async () => {
  const { stages } = await readReferenceCase(small, config)
  const none = Object.fromEntries([...stages.keys()].map((name) => [name, undefined]))
  await refused(async () => readReferenceCase(await rewritten(small, none), config), /holds no stage to compare/)
  const { logits: _, ...others } = none
  const one = await readReferenceCase(await rewritten(small, others), config)
  assert.equal([...one.stages.keys()], ['logits'])
})

reference.run()
