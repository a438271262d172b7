/**
 * How long does attention take in the encoder and in the fusion, by kernel variant?
 * `npx tsx bench/encoder-attention.ts [adapter]`. Software adapters are judged by CPU time too, spread over the cores: what
 * the wall clock would say were the machine idle.
 */
import { availableParallelism } from 'node:os'
import { Gpu } from '../src/gpu/gpu.js'
import { Recorder } from '../src/gpu/recorder.js'
import { attention, attentionCandidates, attentionTiles } from '../src/ops/attention.js'

const gpu = await Gpu.open({ adapter: process.argv[2] })
console.log(gpu.adapter.name)

const block = Array.from({ length: 50 }, (_, i) => 3 + (i % 6))
const shapes = [
  { title: 'context 200', heads: 16, headDim: 32, queries: [200] },
  { title: 'context 512', heads: 16, headDim: 32, queries: [512] },
  { title: '50 blocks', heads: 16, headDim: 32, queries: block },
  { title: '50 blocks, first rows', heads: 16, headDim: 32, queries: block.map(() => 1), keys: block },
  { title: 'compact context 200', heads: 4, headDim: 16, queries: [200] },
  { title: 'fusion 30 × 200, d 512', heads: 1, headDim: 512, queries: [30], keys: [200] },
  { title: 'fusion 50 × 512, d 512', heads: 1, headDim: 512, queries: [50], keys: [512] },
  { title: 'fusion 30 × 200, d 64', heads: 1, headDim: 64, queries: [30], keys: [200] },
]

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)

for (const { title, heads, headDim, queries, keys = queries } of shapes) {
  const options = { heads, headDim, scale: 1 / Math.sqrt(headDim) }
  const d = heads * headDim
  const random = (label: string, rows: number, columns: number) =>
    gpu.tensorFrom(
      label,
      [rows, columns],
      Float32Array.from({ length: rows * columns }, () => Math.random() - 0.5),
    )
  const tensor = random('k|v', sum(keys), 2 * d)
  const q = { tensor: random('q', sum(queries), d), column: 0 }
  const [k, v] = [0, d].map((column) => ({ tensor, column })) as [typeof q, typeof q]
  const tileValues = attentionTiles(queries, keys)
  const tiles = gpu.tensorFrom('tiles', [tileValues.length / 4, 4], tileValues)
  const out = gpu.tensor('out', [sum(queries), d])
  const flops = sum(queries.map((length, s) => 4 * length * keys[s]! * d))

  for (const variant of attentionCandidates(gpu, { q, k, v }, options)) {
    gpu.useVariant('attention', variant)
    const recorder = new Recorder(gpu)
    // Several dispatches a submit, so that the submit's own cost does not count.
    const repeats = 4
    for (let i = 0; i < repeats; i++) attention(recorder, { q, k, v, tiles, out }, options)
    const recording = await recorder.finish()
    const wall: number[] = []
    const cpu: number[] = []
    for (let run = 0; run < 7; run++) {
      const [start, used] = [performance.now(), process.cpuUsage()]
      gpu.submit([recording])
      await gpu.idle()
      wall.push((performance.now() - start) / repeats)
      const { user, system } = process.cpuUsage(used)
      cpu.push((user + system) / 1000 / availableParallelism() / repeats)
    }
    const [wallMs, cpuMs] = [Math.min(...wall), Math.min(...cpu)]
    const best = gpu.adapter.software ? cpuMs : wallMs
    const figures = `${wallMs.toFixed(2).padStart(8)} ms ${cpuMs.toFixed(2).padStart(8)} ms of all cores`
    console.log(title.padEnd(24), variant.padEnd(8), figures, `${(flops / best / 1e6).toFixed(1).padStart(6)} GFLOP/s`)
    recording.dispose()
  }
  gpu.free(tensor, q.tensor, tiles, out)
}
await gpu.dispose()
