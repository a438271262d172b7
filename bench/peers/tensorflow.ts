/**
 * tfjs-webgpu's part, on Dawn as we run it: `node --import tsx tensorflow.ts ADAPTER`, asked as serve.ts says. ADAPTER is a
 * name in full.
 */
import { createRequire } from 'node:module'
import { create, globals } from 'webgpu'
import { timed } from '../../src/bench/statistics.js'
import { provideVulkanLoader } from '../../src/platform/node/vulkan-loader.js'
import { serve, type Task, warmedUp } from './serve.js'
import { gemm, gemv, type Product, values } from './work.js'

await provideVulkanLoader()
Object.assign(globalThis, globals)
const gpu = create([`adapter=${process.argv[2]}`])
Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true })
// Its builds for Node are CommonJS, and look for navigator.gpu when they are loaded.
const require = createRequire(import.meta.url)
const tf = require('@tensorflow/tfjs-core') as typeof import('@tensorflow/tfjs-core')
require('@tensorflow/tfjs-backend-webgpu')
if (!(await tf.setBackend('webgpu'))) throw new Error('tfjs does not take its webgpu backend')

async function product({ rows, k, n }: Product): Promise<Task> {
  const weight = tf.tensor2d(values(k * n), [k, n])
  const input = values(rows * k)
  const task = () =>
    timed(async () => {
      const x = tf.tensor2d(input, [rows, k])
      const out = tf.matMul(x, weight)
      await out.data()
      tf.dispose([x, out])
    })
  return warmedUp(task, 3)
}

await serve({ gemm: () => product(gemm), gemv: () => product(gemv) })
