/** The accuracy gates of the number formats, on misc-mini and the first 200 rows of ESConv's test. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Validation } from '../../src/cli/validation.js'
import { packagedModel } from '../../src/platform/node/packaged-model.js'
import { testAdapters } from '../gpu.js'
import { sharedPath, skipWithoutShared } from '../shared.js'
import { misc } from './run-command.js'

const accuracy = skipWithoutShared(suite('accuracy'), 'the rows of ESConv’s test')

// SwiftShader takes minutes for all of them. A perplexity near f32's says little if f32's is wrong: these are PyTorch's, by
// reference/train.py's evaluate without blocks. The card has 44.6 for all of test, by the nats of other pieces.
const all = { rows: 200, tokens: 4953, perplexity: 40.65 }
const some = { rows: 50, tokens: 1536, perplexity: 46.04 }

for (const adapter of testAdapters) {
  const { rows, tokens, perplexity } = adapter.includes('SwiftShader') ? some : all
  for (const dtype of ['f16', 'int8']) {
    accuracy(`misc-mini in ${dtype} keeps its gate on ${rows} rows on ${adapter}`, () => {
      const data = sharedPath('data', 'esconv')!
      const args = [
        'validate',
        packagedModel(),
        '--dtype',
        dtype,
        '--data',
        data,
        '--limit',
        `${rows}`,
        '--adapter',
        adapter,
        '--json',
      ]
      const { code, stdout, stderr } = misc(args)
      assert.is(code, 0, stderr)
      const { ok, gate } = JSON.parse(stdout) as Validation
      assert.is(ok, true)
      assert.equal([gate?.dtype, gate?.rows, gate?.tokens], [dtype, rows, tokens])
      assert.ok(Math.abs(gate!.ppl_f32 - perplexity) < 0.1, `${gate!.ppl_f32}`)
    })
  }
}

accuracy.run()
