/** The accuracy gates of the number formats, on misc-mini and the first 200 rows of ESConv's test. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Validation } from '../../src/cli/validate.js'
import { packagedModel } from '../../src/engine/misc.js'
import { testAdapters } from '../gpu.js'
import { sharedPath, skipWithoutShared } from '../shared.js'
import { misc } from './run-command.js'

const accuracy = skipWithoutShared(suite('accuracy'), 'the rows of ESConv’s test')

for (const adapter of testAdapters) {
  for (const dtype of ['f16', 'int8']) {
    accuracy(`misc-mini in ${dtype} keeps its gate on ${adapter}`, () => {
      const data = sharedPath('data', 'esconv')!
      const args = ['validate', packagedModel, '--dtype', dtype, '--data', data, '--adapter', adapter, '--json']
      const { code, stdout, stderr } = misc(args)
      assert.is(code, 0, stderr)
      const { ok, gate } = JSON.parse(stdout) as Validation
      assert.is(ok, true)
      assert.equal([gate?.dtype, gate?.rows, gate?.tokens], [dtype, 200, 4953])
      // A perplexity near f32's says little if f32's is wrong: its card has 48.9 on all rows, by the nats of other pieces.
      assert.ok(Math.abs(gate!.ppl_f32 - 44.11) < 0.1, `${gate!.ppl_f32}`)
    })
  }
}

accuracy.run()
