/** Opens an adapter and, where one is named, loads a model; prints the high-water mark of the process's memory. */
import { loadModel } from '../../src/engine/load-model.js'
import { Gpu } from '../../src/gpu/gpu.js'

const [adapter, model] = process.argv.slice(2)
const gpu = await Gpu.open(adapter ? { adapter } : {})
if (model) await loadModel(gpu, model)
const bufferBytes = gpu.allocatedBytes
await gpu.dispose()
process.stdout.write(JSON.stringify({ peakBytes: process.resourceUsage().maxRSS * 1024, bufferBytes }))
