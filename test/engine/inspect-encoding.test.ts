import * as assert from 'uvu/assert'
import { inspectEncoding } from '../../src/engine/inspect-encoding.js'
import { loadModel, readConfig } from '../../src/engine/load-model.js'
import { ReplyDecoder } from '../../src/engine/reply-decoder.js'
import { OutOfMemoryError } from '../../src/errors.js'
import { tokenRules } from '../../src/generation/token-rules.js'
import { MiscModel } from '../../src/models/misc/model.js'
import { tinyModel } from '../engine-model.js'
import { exhaust, gpuSuite } from '../gpu.js'

const folder = await tinyModel()
const dialogue = { context: [5, 6, 7, 2], post: [[8, 9], [10]], situation: [[11]] }

gpuSuite('engine/inspect-encoding', (test) => {
  test('no memory, wherever it lacks: the call fails, and the next is as good as any', async (gpu) => {
    const decoder = new ReplyDecoder(
      gpu,
      new MiscModel(gpu, await loadModel(gpu, folder)),
      tokenRules(await readConfig(folder)),
    )
    const expected = await inspectEncoding(decoder, dialogue)
    for (let buffers = 0; ; buffers += 5) {
      const bytes = gpu.allocatedBytes
      const more = exhaust(gpu, buffers)
      const result = await inspectEncoding(decoder, dialogue).catch((error: Error) => error)
      const lacked = more()
      gpu.check()
      assert.ok(gpu.allocatedBytes <= bytes, `${gpu.allocatedBytes} bytes after ${bytes}`)
      if (!lacked) {
        assert.equal(result, expected)
        break
      }
      assert.instance(result, OutOfMemoryError)
    }
    decoder.dispose()
  })
})
