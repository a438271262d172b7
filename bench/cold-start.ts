/**
 * What the first load on a machine waits for: each kernel of a usual reply, at its first run, by a driver that has kept nothing.
 *
 *     node --import tsx bench/cold-start.ts [adapter] [model folder]
 */
import { openModel } from '../src/engine/load-model.js'
import { ReplyDecoder } from '../src/engine/reply-decoder.js'
import { tokenRules } from '../src/generation/token-rules.js'
import type { Model } from '../src/models/model.js'
import { openGpu } from '../src/platform/node/open-gpu.js'
import { packagedModel } from '../src/platform/node/packaged-model.js'

const [adapter = 'lavapipe', folder = packagedModel()] = process.argv.slice(2)
// Mesa's drivers keep what they compiled; SwiftShader does not.
process.env.MESA_SHADER_CACHE_DISABLE = 'true'

const gpu = await openGpu({ adapter })
const model: Model = await openModel(gpu, folder)
const decoder = new ReplyDecoder(gpu, model, tokenRules(model.config))
const asked = performance.now()
const runKernels = await decoder.compile(model.usualInput())
const made = performance.now()

const times: { readonly shader: string; readonly ms: number }[] = []
let before = made
await runKernels((_done, _total, shader) => {
  const now = performance.now()
  times.push({ shader, ms: now - before })
  before = now
})
for (const { shader, ms } of times.sort((a, b) => b.ms - a.ms))
  console.log(`${ms.toFixed(0).padStart(6)} ms  ${shader}`)
console.log(`${(made - asked).toFixed(0).padStart(6)} ms  all pipelines, at once, before`)
console.log(`${(before - asked).toFixed(0).padStart(6)} ms  ${times.length} kernels in all, on ${gpu.adapter.name}`)
await gpu.dispose()
