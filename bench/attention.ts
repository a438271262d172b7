/**
 * How long does decoder attention take, over the cache and over the three sources, by kernel variant?
 * `npx tsx bench/attention.ts [adapter]`. The best of many runs, in wall time and in CPU time shared out over all cores:
 * the latter holds on a busy machine too. GB/s of keys and values read.
 */
import { availableParallelism } from 'node:os'
import { Gpu } from '../src/gpu/gpu.js'
import { Recorder } from '../src/gpu/recorder.js'
import { cachedAttention, cachedAttentionCandidates } from '../src/ops/cached-attention.js'
import { crossAttention } from '../src/ops/cross-attention.js'

const [heads, d, layers, maxPositions] = [16, 512, 8, 512]
const gpu = await Gpu.open({ adapter: process.argv[2] })
console.log(gpu.adapter.name)

const random = (label: string, ...shape: number[]) => {
  const length = shape.reduce((a, b) => a * b, 1)
  return gpu.tensorFrom(
    label,
    shape,
    Float32Array.from({ length }, () => Math.random() - 0.5),
  )
}

/** Prints the time of one dispatch, replayed many times, for every variant of the op. */
async function measure(op: string, title: string, rowsRead: number, repeats: number, record: (to: Recorder) => void) {
  for (const variant of cachedAttentionCandidates(gpu, d / heads)) {
    gpu.useVariant(op, variant)
    const recorder = new Recorder(gpu)
    for (let i = 0; i < repeats; i++) record(recorder)
    const recording = await recorder.finish()
    const [wall, cpu]: [number[], number[]] = [[], []]
    for (let run = 0; run < 8; run++) {
      const [start, used] = [performance.now(), process.cpuUsage()]
      gpu.submit([recording])
      await gpu.idle()
      const { user, system } = process.cpuUsage(used)
      wall.push(((performance.now() - start) * 1000) / repeats)
      cpu.push((user + system) / availableParallelism() / repeats)
    }
    recording.dispose()
    // The first run may compile.
    const [wallUs, cpuUs] = [wall, cpu].map((times) => Math.min(...times.slice(1))) as [number, number]
    const rate = (rowsRead * 2 * d * 4) / (gpu.adapter.software ? cpuUs : wallUs) / 1000
    const figures = `${wallUs.toFixed(0).padStart(8)} µs ${cpuUs.toFixed(0).padStart(8)} µs of all cores`
    console.log(title.padEnd(32), variant.padEnd(8), figures, `${rate.toFixed(2).padStart(6)} GB/s`)
  }
}

for (const [slots, length, newRows] of [
  [1, 16, 1],
  [1, 128, 1],
  [1, 511, 1],
  [8, 64, 1],
  [1, 0, 32],
] as const) {
  const tensors = {
    qkv: random('qkv', slots * newRows, 3 * d),
    keys: random('keys', slots, maxPositions, d),
    values: random('values', slots, maxPositions, d),
    lengths: gpu.tensorFrom('lengths', [slots], new Uint32Array(slots).fill(length)),
    out: gpu.tensor('out', [slots * newRows, d]),
  }
  const rowsRead = slots * newRows * (length + (newRows + 1) / 2)
  const title = `self ${slots} × ${length} cached, ${newRows} new`
  await measure('cached-attention', title, rowsRead, newRows > 1 ? 5 : 100, (recorder) =>
    cachedAttention(recorder, tensors, { slots, newRows, heads }),
  )
  gpu.free(...Object.values(tensors))
}

for (const [slots, context, newRows] of [
  [1, 200, 1],
  [1, 512, 1],
  [8, 200, 1],
  [1, 200, 32],
] as const) {
  const rows = [context, 30, 20]
  const ranges = Array.from({ length: slots }, (_, s) => rows.map((count) => [s * count, (s + 1) * count]))
  const sources = rows.map((count, s) => ({ kv: random(`kv${s}`, slots * count, 2 * d * layers) }))
  const tensors = {
    q: random('q', slots * newRows, rows.length * d),
    ranges: gpu.tensorFrom('ranges', [slots, rows.length, 2], Uint32Array.from(ranges.flat(2))),
    out: gpu.tensor('out', [slots * newRows, rows.length * d]),
  }
  const title = `cross ${slots} × ${rows.join(' + ')}, ${newRows} new`
  const sizes = { slots, newRows, heads, keyColumn: 0, valueColumn: d }
  await measure('cross-attention', title, slots * newRows * (context + 50), newRows > 1 ? 5 : 100, (recorder) =>
    crossAttention(recorder, { ...tensors, sources }, sizes),
  )
  gpu.free(...Object.values(tensors), ...sources.map((it) => it.kv))
}
await gpu.dispose()
