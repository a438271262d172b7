import type { Section, Table } from '../plots/section.js'
import { fixed, fixedOr, megabytes, nothing, percent } from './figures.js'
import type {
  BenchReport,
  BlocksReport,
  DecodeReport,
  EncodeReport,
  GpuTime,
  KernelsReport,
  PipelineReport,
  ScalingReport,
  TurnsReport,
  WorkRow,
} from './report.js'
import type { Summary } from './statistics.js'

/** The report for people. */
export function reportSections(report: BenchReport): Section[] {
  const { kernels, decode, encode, blocks, pipeline, scaling } = report.suites
  return [
    heading(report),
    ...(kernels ? [kernelsSection(kernels)] : []),
    ...(decode ? decodeSections(decode, report) : []),
    ...(encode ? encodeSections(encode) : []),
    ...(blocks ? blocksSections(blocks) : []),
    ...(pipeline ? pipelineSections(pipeline) : []),
    ...(scaling ? [scalingSection(scaling)] : []),
  ]
}

/** What the figures are of: the model, as a title. */
export const reportTitle = ({ model }: BenchReport): string => `misc bench: ${plain(model.folder)}`

/** What a folder is called must not steer a terminal. */
const plain = (text: string): string => text.replace(/\p{Cc}/gu, ' ')

/** The adapter, as every table and plot names it. */
export const adapterName = ({ adapter, dtype }: BenchReport): string =>
  `${adapter.name}${adapter.software ? ' (software)' : ''}, ${adapter.driver}, ${dtype}`

function heading(report: BenchReport): Section {
  const { versions, model, dtype, adapter, machine, workload: w, load, memory, ceilings } = report
  const [before, after] = machine.load_average
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const toggles = adapter.toggles.length > 0 ? `, ${adapter.toggles.join(', ')}` : ''
  const rows = [
    ['model', `${model.title}, d ${model.d_model}, ${model.encoder_layers} + ${model.decoder_layers} layers, ${dtype}`],
    ['adapter', adapterName(report)],
    [
      'machine',
      `${machine.cpu}, ${machine.cores} cores, load average ${fixed(before)} before and ${fixed(after)} after`,
    ],
    ['versions', `${packages.join(', ')}${toggles}`],
    ['kernels', adapter.tuned_classes > 0 ? `measured for ${adapter.tuned_classes} shape classes` : 'by guess'],
    ['work', `batch ${w.batch}, context ${w.context}, ${blocksOf(report)}${w.tokens} ids a reply, seed ${w.seed}`],
    ['runs', `${w.repetitions} after ${w.warmups} that do not count; times in ms`],
    [
      'ceilings',
      `reads ${fixed(ceilings.read_bandwidth.gb_per_s)} GB/s, computes ${fixed(ceilings.fma.gflop_per_s)} GFLOP/s, measured`,
    ],
    ['load', `adapter ${fixed(load.adapter_ms)} ms, weights ${fixed(load.weights_ms)} ms`],
    [
      'memory',
      `${megabytes(memory.gpu_bytes)} in tensors (weights ${megabytes(memory.gpu_weights_bytes)}); ` +
        `process at most ${megabytes(memory.host_peak_bytes)}`,
    ],
    ...Object.entries(report.left_out).map(([suite, why]) => ['left out', `${suite}: ${plain(why)}`]),
  ]
  return { title: reportTitle(report), notes: rows.map(([name, text]) => `${name!.padEnd(9)} ${text}`) }
}

const blocksOf = ({ model, workload: w }: BenchReport): string =>
  model.family === 'misc' ? `${w.post_blocks} + ${w.situation_blocks} blocks of ${w.block_length} ids, ` : ''

function kernelsSection({ rows }: KernelsReport): Section {
  return {
    title: 'Kernels',
    notes: [
      'Median of one dispatch, awaited in groups; * marks the variant that the engine takes.',
      'Ceiling: of the FMA peak or of the read bandwidth, whichever bounds the op; over 100 % where a cache holds what is read.',
    ],
    table: {
      names: 2,
      columns: ['op, shape', 'variant', 'ms', '±', 'GPU ms', 'GFLOP/s', 'GB/s', 'bound', 'ceiling'],
      rows: rows.map((row) => [
        `${row.op} ${row.shape}`,
        `${row.variant}${row.in_use ? ' *' : ''}`,
        fixed(row.ms.p50),
        fixed(row.ms.std),
        fixedOr(row.gpu_ms),
        row.gflop > 0 ? fixed(row.gflop_per_s) : nothing,
        fixed(row.gb_per_s),
        row.bound,
        percent(row.of_ceiling),
      ]),
    },
  }
}

const partNames = [
  ['encode', 'encode'],
  ['blocks', 'blocks'],
  ['context', 'context, fusion'],
  ['cross_kv', 'cross keys, values'],
  ['first_step', 'first step'],
] as const

function decodeSections(decode: DecodeReport, { workload }: BenchReport): Section[] {
  const { cold, ttft_parts_ms: parts, step_bytes: bytes } = decode
  const caches = bytes.self_cache + bytes.cross_cache
  return [
    {
      title: 'Decode',
      notes: [
        `Cold: first id after ${fixed(cold.ttft_ms)} ms, of which ${fixed(cold.compile_ms)} waiting for ${cold.kernels} kernels to compile.`,
        `${fixed(decode.decode_tokens_per_s)} ids/s while decoding, ${fixed(decode.tokens_per_s)} with the time to the first; sampling included, ${decode.steps_in_flight} in flight.`,
        `MBU ${percent(decode.mbu)}: ${megabytes(bytes.total)} a step must be read (weights ${megabytes(bytes.weights)}, caches ${megabytes(caches)}).`,
      ],
      table: summaryTable([
        ['first id (TTFT), warm', decode.ttft_ms],
        ...partNames.flatMap(([key, name]) => (parts[key] ? [[`  ${name}`, parts[key]] as const] : [])),
        ['per id (TPOT)', decode.tpot_ms],
        ['between ids (ITL)', decode.itl_ms],
      ]),
    },
    gpuSection(workload.batch === 1 ? 'a decode step' : `a decode step of ${workload.batch}`, decode.gpu_step),
  ]
}

const encodeSections = ({ rows, gpu_encode }: EncodeReport): Section[] => [
  { title: 'Encode', notes: [], table: workTable(rows) },
  gpuSection('encode', gpu_encode),
]

function blocksSections({ rows, gpu_blocks }: BlocksReport): Section[] {
  const { columns, rows: cells } = workTable(rows)
  const table = {
    columns: [...columns, 'blocks/s'],
    rows: cells.map((row, i) => [...row, fixed(rows[i]!.blocks_per_s)]),
  }
  return [{ title: 'Blocks', notes: [], table }, gpuSection(`blocks, ${rows.at(-1)!.name}`, gpu_blocks)]
}

function pipelineSections({ comet, words, further, ...first }: PipelineReport): Section[] {
  const notes = [
    `With ${plain(comet)}, dialogues of ${words} words: of each situation and post is inferred what is not known of it yet.`,
  ]
  return [
    turnSection('the first turn of a conversation', first, notes),
    turnSection('a further turn, of a situation that is known', further, []),
  ]
}

function turnSection(which: string, { blocks, bare, given, ratio }: TurnsReport, notes: readonly string[]): Section {
  return {
    title: `From bare text to the first word: ${which}`,
    notes: [
      ...notes,
      `The first word after ${fixed(ratio)} times the time that it takes with the blocks given, by medians; ${fixed(blocks)} blocks on average.`,
    ],
    table: summaryTable([
      ['first word, bare text', bare.first_word_ms],
      ['first id', bare.first_id_ms],
      ['  queries', bare.queries],
      ['  tails: encode, first step', bare.tails_start],
      ['  tails: other steps', bare.tails_steps],
      ['  blocks', bare.blocks],
      ['  text to ids', bare.ids],
      ['  context', bare.context],
      ['  first step', bare.first_step],
      ['first word, blocks given', given.first_word_ms],
      ['first id', given.first_id_ms],
      ['  text to ids', given.ids],
      ['  context', given.context],
      ['  first step', given.first_step],
    ]),
  }
}

function scalingSection({ rows }: ScalingReport): Section {
  return {
    title: 'As the work grows',
    notes: ['Medians. Blocks: that many encoded alone; a dialogue has no more than its model takes.'],
    table: {
      columns: ['what grows', 'to', 'blocks', 'blocks/s', 'encode', 'a step', 'ids/s', '× first'],
      rows: rows.map((row) => {
        const first = rows.find((it) => it.grows === row.grows)!.decode_tokens_per_s
        const times = first && row.decode_tokens_per_s && row.decode_tokens_per_s / first
        const figures = [row.blocks_ms?.p50, row.blocks_per_s, row.encode_ms?.p50, row.step_ms?.p50]
        return [row.grows, String(row.at), ...[...figures, row.decode_tokens_per_s, times].map(fixedOr)]
      }),
    },
  }
}

function gpuSection(what: string, time: GpuTime): Section {
  const title = `GPU time of ${what}`
  if (!time) return { title, notes: ['The adapter has no timestamps.'] }
  const dispatches = time.kernels.reduce((n, it) => n + it.dispatches, 0)
  const rows = time.kernels.map((it) => [it.kernel, fixed(it.ms), percent(it.ms / (time.ms || 1)), `${it.dispatches}`])
  const notes = [`${fixed(time.ms)} ms in ${dispatches} dispatches, each in a pass of its own`]
  return { title, notes, table: { columns: ['kernel', 'ms', 'share', 'dispatches'], rows } }
}

const summaryColumns = ['mean', 'std', 'p50', 'p95', 'p99', 'max', 'n'] as const

function summaryTable(rows: readonly (readonly [name: string, summary: Summary])[]): Table {
  const cells = ({ n, ...of }: Summary) => summaryColumns.map((it) => (it === 'n' ? `${n}` : fixed(of[it])))
  return { columns: ['ms', ...summaryColumns], rows: rows.map(([name, summary]) => [name, ...cells(summary)]) }
}

function workTable(rows: readonly WorkRow[]): Table {
  return {
    columns: ['ms', 'mean', 'std', 'p50', 'max', 'ids', 'ids/s', 'GFLOP', 'MFU'],
    rows: rows.map(({ name, ms, ids, ids_per_s, gflop, mfu }) => [
      name,
      ...[ms.mean, ms.std, ms.p50, ms.max].map(fixed),
      `${ids}`,
      ...[ids_per_s, gflop].map(fixedOr),
      mfu === undefined ? nothing : percent(mfu),
    ]),
  }
}
