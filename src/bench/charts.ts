import type { BenchReport, GpuTime, Growing, KernelRow } from './report.js'

/** A plot of the report: Chart.js's own configuration, as plain JSON. */
export interface Chart {
  readonly id: string
  readonly title: string
  /** What it shows, in a sentence. */
  readonly note: string
  /** Whether it takes the page's whole width. */
  readonly wide?: true
  readonly config: {
    readonly type: 'line' | 'bar' | 'scatter'
    readonly data: { readonly labels?: readonly (string | number)[]; readonly datasets: readonly Dataset[] }
    readonly options: object
  }
}

/** Values of one colour; a point of a scatter plot may have a name, shown with it. */
export interface Dataset {
  readonly label: string
  readonly data: readonly (number | null | { readonly x: number; readonly y: number; readonly name?: string })[]
  readonly [style: string]: unknown
}

/** Distinct also to people who do not see all colours (Okabe and Ito's palette). */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#666666'] as const
const faint = '#bbbbbb'

const growths = ['context', 'blocks'] as const

/** A plot for whatever was measured. */
export function reportCharts(report: BenchReport): Chart[] {
  const { kernels, decode, encode, scaling } = report.suites
  return [
    ...(decode ? [latencyChart(decode.itl_by_position_ms)] : []),
    ...(decode?.gpu_step ? [opsChart('ops-decode', 'GPU time of a decode step, by kernel', decode.gpu_step)] : []),
    ...(encode?.gpu_encode ? [opsChart('ops-encode', 'GPU time of encode, by kernel', encode.gpu_encode)] : []),
    ...(kernels ? [rooflineChart(kernels.rows, report)] : []),
    ...(scaling ? [batchChart(report)] : []),
    ...growths.filter((it) => scaling?.rows.some(({ grows }) => grows === it)).map((it) => growthChart(report, it)),
  ]
}

function latencyChart(gaps: readonly number[]): Chart {
  const line = { label: 'median of the runs', data: gaps, borderColor: colours[0], pointRadius: 2 }
  return {
    id: 'latency',
    title: 'Latency per id over position',
    note: 'Time between an id and the one before it, sampling included. The cache that a step reads grows with the position.',
    config: {
      type: 'line',
      data: { labels: gaps.map((_, i) => i + 2), datasets: [line] },
      options: { scales: { x: axis('position of the id in the reply'), y: axis('ms', { beginAtZero: true }) } },
    },
  }
}

function opsChart(id: string, title: string, time: NonNullable<GpuTime>): Chart {
  const { kernels } = time
  const bars = { label: 'GPU time', data: kernels.map((it) => it.ms), backgroundColor: colours[0] }
  return {
    id,
    title,
    note: 'By timestamps around every dispatch, each in a pass of its own: the sum is more than the work takes as a whole.',
    config: {
      type: 'bar',
      data: { labels: kernels.map((it) => `${it.kernel} × ${it.dispatches}`), datasets: [bars] },
      options: {
        indexAxis: 'y',
        scales: { x: axis('ms', { beginAtZero: true }), y: { ticks: { autoSkip: false } } },
        plugins: { legend: { display: false } },
      },
    },
  }
}

/** Measured ceilings, and every kernel under them: achieved rate over operations per byte. */
function rooflineChart(rows: readonly KernelRow[], { ceilings }: BenchReport): Chart {
  const [peak, bandwidth] = [ceilings.fma.gflop_per_s, ceilings.read_bandwidth.gb_per_s]
  const points = rows
    .filter((it) => it.gflop > 0)
    .map((it) => ({ ...it, x: (it.gflop * 1e9) / it.bytes, y: it.gflop_per_s }))
  const intensities = points.map(({ x }) => x).concat(peak / bandwidth)
  const ends = [Math.min(...intensities) / 2, peak / bandwidth, Math.max(...intensities) * 2]
  const roof = ends.map((x) => ({ x, y: Math.min(peak, x * bandwidth) }))
  const point = ({ x, y, shape, variant }: (typeof points)[number]) => ({ x, y, name: `${shape}, ${variant}` })
  const used = points.filter((it) => it.in_use)
  const datasets = [...new Set(used.map((it) => it.op))].map((op, i) => ({
    label: op,
    data: used.filter((it) => it.op === op).map(point),
    backgroundColor: colours[i % colours.length],
    pointRadius: 5,
  }))
  const others = { data: points.filter((it) => !it.in_use).map(point), backgroundColor: faint, pointRadius: 3 }
  const line = { data: roof, type: 'line', borderColor: '#222222', borderWidth: 1.5, pointRadius: 0 }
  return {
    id: 'roofline',
    title: 'Roofline',
    wide: true,
    note: `Line: the ceilings measured on this adapter, ${bandwidth.toFixed(1)} GB/s and ${peak.toFixed(1)} GFLOP/s. A point above it reads from a cache.`,
    config: {
      type: 'scatter',
      data: {
        datasets: [
          { label: 'measured ceilings', ...line },
          ...datasets,
          ...(others.data.length > 0 ? [{ label: 'variants not in use', ...others }] : []),
        ],
      },
      options: {
        scales: {
          x: axis('floating-point operations per byte', { type: 'logarithmic' }),
          y: axis('GFLOP/s', { type: 'logarithmic' }),
        },
      },
    },
  }
}

function batchChart({ suites }: BenchReport): Chart {
  const rows = suites.scaling!.rows.filter((it) => it.grows === 'batch')
  const alone = rows[0]!.decode_tokens_per_s!
  const rates = rows.map((it) => it.decode_tokens_per_s)
  const ideal = { borderColor: faint, borderDash: [6, 4], pointRadius: 0 }
  return {
    id: 'batch',
    title: 'Batch scaling',
    note: 'Ids drawn per second by all replies together while they decode.',
    config: {
      type: 'line',
      data: {
        labels: rows.map((it) => it.at),
        datasets: [
          { label: 'measured', data: rates, borderColor: colours[0], pointRadius: 4 },
          { label: '4 × batch 1', data: rows.map(() => 4 * alone), ...ideal, borderColor: colours[1] },
          { label: 'were a step to cost nothing more', data: rows.map((it) => it.at * alone), ...ideal },
        ],
      },
      options: {
        scales: { x: axis('replies drawn together'), y: axis('ids per second', { type: 'logarithmic' }) },
      },
    },
  }
}

function growthChart({ suites }: BenchReport, grows: Exclude<Growing, 'batch'>): Chart {
  const rows = suites.scaling!.rows.filter((it) => it.grows === grows)
  const line = (label: string, key: 'encode_ms' | 'step_ms' | 'blocks_ms', i: number) => ({
    label,
    data: rows.map((it) => it[key]?.p50 ?? null),
    borderColor: colours[i],
    pointRadius: 4,
  })
  const lines = [line('encode', 'encode_ms', 0), line('a decode step', 'step_ms', 1)]
  const what = { context: 'ids of the context', blocks: 'COMET blocks' }[grows]
  return {
    id: `growth-${grows}`,
    title: `Cost over ${what}`,
    note: 'Medians; encode with no block in the cache.',
    config: {
      type: 'line',
      data: {
        labels: rows.map((it) => it.at),
        datasets: grows === 'blocks' ? [...lines, line('blocks alone', 'blocks_ms', 2)] : lines,
      },
      options: { scales: { x: axis(what), y: axis('ms', { type: 'logarithmic' }) } },
    },
  }
}

const axis = (text: string, more: object = {}) => ({ title: { display: true, text }, ...more })
