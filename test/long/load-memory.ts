/** Opens an adapter and, where one is named, loads a model in a dtype; prints the high-water mark of the process's memory. */
import { loadModel } from '../../src/engine/load-model.js'
import { weightDtypes } from '../../src/gpu/tensor.js'
import { openGpu } from '../../src/platform/node/open-gpu.js'

const [adapter, model, dtype] = process.argv.slice(2)
const gpu = await openGpu({ adapter })
if (model) await loadModel(gpu, model, { dtype: weightDtypes.find((it) => it === dtype) })
const bufferBytes = gpu.allocatedBytes
await gpu.dispose()
process.stdout.write(JSON.stringify({ peakBytes: process.resourceUsage().maxRSS * 1024, bufferBytes }))
