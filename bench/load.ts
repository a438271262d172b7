/**
 * How long does a model take to load, beside reading its file? One table for one model and adapter:
 *
 *     node --import tsx bench/load.ts MODEL [--adapter NAME] [--runs N]
 *
 * `read` is a plain sequential read of model.safetensors, `load` what Misc.load does once an adapter is open, in a process
 * of its own each. The system's cache of that file is dropped before each (Linux), so both begin at the disk. The two take
 * turns, and the ratio is the median over the turns of (weights / read).
 */
import { execFileSync } from 'node:child_process'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from 'simple-statistics'
import { loadDecoder } from '../src/engine/load-decoder.js'
import { openGpu } from '../src/platform/node/open-gpu.js'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { adapter: { type: 'string' }, runs: { type: 'string', default: '7' }, only: { type: 'string' } },
})
const [model] = positionals
if (!model) throw new Error('give the folder of a model')
const file = join(model, 'model.safetensors')
const dropCache = () => execFileSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' })

async function read() {
  dropCache()
  await using handle = await open(file)
  const chunk = new Uint8Array(8 * 2 ** 20)
  const started = performance.now()
  while ((await handle.read(chunk)).bytesRead > 0);
  return { read: performance.now() - started }
}

async function load() {
  const started = performance.now()
  const gpu = await openGpu({ adapter: flags.adapter })
  const adapter = performance.now() - started
  dropCache()
  const { weightsMs: weights, compileMs: compile } = await loadDecoder(gpu, model!)
  const { name } = gpu.adapter
  await gpu.dispose()
  return { name, adapter, weights, compile, peakMb: process.resourceUsage().maxRSS / 1024 }
}

if (flags.only) {
  console.log(JSON.stringify(await (flags.only === 'read' ? read() : load())))
  process.exit()
}

const inProcess = <Result>(what: string): Result => {
  const args = ['--import', 'tsx', fileURLToPath(import.meta.url), ...process.argv.slice(2), '--only', what]
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
}
const runs = Array.from({ length: Number(flags.runs) }, () => ({
  ...inProcess<Awaited<ReturnType<typeof read>>>('read'),
  ...inProcess<Awaited<ReturnType<typeof load>>>('load'),
}))
console.log(`${model} on ${runs[0]!.name}, medians of ${runs.length}`)
for (const what of ['read', 'adapter', 'weights', 'compile', 'peakMb'] as const) {
  const values = runs.map((run) => run[what])
  const unit = what === 'peakMb' ? 'MB' : 'ms'
  const range = `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)}`
  console.log(`${what.padEnd(9)}${median(values).toFixed(0).padStart(7)} ${unit}   ${range}`)
}
console.log(`weights / read ${median(runs.map((run) => run.weights / run.read)).toFixed(2)}`)
