import type { BenchReport, BlocksReport, DecodeReport, EncodeReport, GpuTime, WorkRow } from './report.js'
import type { Summary } from './statistics.js'

/** The report for people. */
export function renderReport(report: BenchReport): string {
  const { suites } = report
  const lines = [
    ...heading(report),
    ...(suites.decode ? decodeLines(suites.decode, report) : []),
    ...(suites.encode ? encodeLines(suites.encode) : []),
    ...(suites.blocks ? blocksLines(suites.blocks) : []),
  ]
  return `${lines.join('\n')}\n`
}

function heading({ versions, model, dtype, adapter, machine, workload: w, load, ceilings }: BenchReport): string[] {
  const { read_bandwidth: read, fma } = ceilings
  const [before, after] = machine.load_average
  const lengths = `batch ${w.batch}, context ${w.context}, ${w.post_blocks} + ${w.situation_blocks} blocks of ${w.block_length} ids`
  return [
    `${model.folder}: variant ${model.variant}, d ${model.d_model}, ${model.encoder_layers} + ${model.decoder_layers} layers, ${dtype}`,
    `adapter   ${adapter.name}${adapter.software ? ' (software)' : ''}, driver ${adapter.driver}`,
    `machine   ${machine.cpu}, ${machine.cores} cores, load average ${fixed(before)} before and ${fixed(after)} after`,
    `versions  ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}`,
    `work      ${lengths}, ${w.tokens} ids a reply, seed ${w.seed}`,
    `          ${w.repetitions} runs after ${w.warmups} that do not count; times in ms`,
    `ceilings  reads ${fixed(read.gb_per_s)} GB/s, computes ${fixed(fma.gflop_per_s)} GFLOP/s`,
    `load      adapter ${fixed(load.adapter_ms)} ms, weights ${fixed(load.weights_ms)} ms, ${megabytes(load.gpu_bytes)} MB in use`,
  ]
}

function decodeLines(decode: DecodeReport, { workload }: BenchReport): string[] {
  const { cold, ttft_parts_ms: parts, step_bytes: bytes } = decode
  const read = `${megabytes(bytes.total)} MB a step (weights ${megabytes(bytes.weights)}, caches ${megabytes(bytes.self_cache + bytes.cross_cache)})`
  return [
    '',
    `decode    cold: first id after ${fixed(cold.ttft_ms)} ms, of which ${fixed(cold.compile_ms)} waiting for ${cold.kernels} kernels to compile`,
    summaryHeading,
    summaryLine('first id (TTFT)', decode.ttft_ms),
    summaryLine('  blocks', parts.blocks),
    summaryLine('  context, fusion', parts.context),
    summaryLine('  cross keys, values', parts.cross_kv),
    summaryLine('  first step', parts.first_step),
    summaryLine('per id (TPOT)', decode.tpot_ms),
    summaryLine('between ids (ITL)', decode.itl_ms),
    `  ${fixed(decode.decode_tokens_per_s)} ids/s while decoding, ${fixed(decode.tokens_per_s)} with the time to the first; sampling included`,
    `  MBU ${percent(decode.mbu)}: ${read} must be read`,
    ...gpuLines(workload.batch === 1 ? 'a step' : `a step of ${workload.batch}`, decode.gpu_step),
  ]
}

function encodeLines({ rows, gpu_encode }: EncodeReport): string[] {
  return ['', 'encode', rowHeading, ...rows.map(rowLine), ...gpuLines('encode', gpu_encode)]
}

function blocksLines({ rows, gpu_blocks }: BlocksReport): string[] {
  const lines = rows.map((row) => `${rowLine(row)}  ${fixed(row.blocks_per_s)} blocks/s`)
  return ['', 'blocks', rowHeading, ...lines, ...gpuLines(rows.at(-1)!.name, gpu_blocks)]
}

function gpuLines(what: string, time: GpuTime): string[] {
  if (!time) return ['  GPU time: the adapter has no timestamps']
  const share = (ms: number) => percent(ms / (time.ms || 1))
  return [
    `  GPU time of ${what}: ${fixed(time.ms)} ms in ${time.kernels.reduce((n, it) => n + it.dispatches, 0)} dispatches`,
    ...time.kernels.map(
      ({ kernel, dispatches, ms }) => `    ${kernel.padEnd(28)}${cell(ms)}${share(ms).padStart(8)}  × ${dispatches}`,
    ),
  ]
}

const columns = ['mean', 'std', 'p50', 'p95', 'p99', 'max'] as const
const summaryHeading = `${' '.repeat(24)}${columns.map((it) => it.padStart(10)).join('')}       n`
const summaryLine = (name: string, summary: Summary) =>
  `  ${name.padEnd(22)}${columns.map((it) => cell(summary[it])).join('')}${String(summary.n).padStart(8)}`

const rowHeading = `${' '.repeat(24)}${['mean', 'std', 'p50', 'max', 'ids', 'ids/s', 'GFLOP'].map((it) => it.padStart(10)).join('')}     MFU`
const rowLine = ({ name, ms, ids, ids_per_s, gflop, mfu }: WorkRow) =>
  `  ${name.padEnd(22)}${[ms.mean, ms.std, ms.p50, ms.max].map(cell).join('')}${String(ids).padStart(10)}${[ids_per_s, gflop].map(cell).join('')}${percent(mfu).padStart(8)}`

const cell = (value: number) => fixed(value).padStart(10)
const percent = (part: number) => `${(100 * part).toFixed(1)}%`
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)

/** Three digits at least, and no more than three after the point. */
function fixed(value: number): string {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3)
}
