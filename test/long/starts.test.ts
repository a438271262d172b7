/** Many starts without a driver of the system: once in a hundred or so, on a busy machine, one had not ended after two minutes. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { findSwiftShader } from '../../src/platform/node/swiftshader.js'
import { runMisc } from '../cli/misc-process.js'
import { tempFolder } from '../temp.js'

const starts = suite('starts without a driver of the system')
const swiftShader = await findSwiftShader()
if (!swiftShader) process.stderr.write('skipped, SwiftShader is not here: starts on it\n')
const test = swiftShader ? starts : starts.skip

const [many, atOnce, ofACache] = [200, 4, 20]

test('200, four at a time, of twenty the first four unpack SwiftShader at once: each answers', async () => {
  const caches = Array.from({ length: many / ofACache }, tempFolder)
  const left = Array(many).keys()
  const one = async () => {
    for (const n of left) {
      const none = { VK_ICD_FILENAMES: '/nonexistent', VK_DRIVER_FILES: '/nonexistent' }
      const env = { ...process.env, ...none, XDG_CACHE_HOME: caches[Math.floor(n / ofACache)]! }
      const { status, stdout, stderr } = await runMisc(['doctor', '--json'], '', undefined, env)
      assert.is(status, 0, `start ${n}: ${stdout}\n${stderr}`)
      const { used, ok } = JSON.parse(stdout)
      assert.equal([ok, used.source], [true, 'swiftshader'])
      if (n % ofACache === ofACache - 1) process.stderr.write(`${n + 1} starts\n`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, one))
})

starts.run()
