import { type Chart, chartSize } from '../plots/chart.js'
import { axisOf, type Line, lineChart } from '../plots/line-chart.js'
import { FAINT, PALETTE } from '../plots/palette.js'
import type { BenchReport, GpuTime, Growing, KernelRow } from './report.js'

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

const latencyChart = (gaps: readonly number[]): Chart =>
  lineChart({
    id: 'latency',
    title: 'Latency per id over position',
    note: 'Time between an id and the one before it, sampling included, median of the runs. The cache that a step reads grows with the position.',
    lines: [{ label: 'median of the runs', points: gaps.map((y, i) => ({ x: i + 2, y })) }],
    x: { title: 'position of the id in the reply', ends: [1, gaps.length + 2] },
    y: { title: 'ms' },
  })

function opsChart(id: string, title: string, { kernels }: NonNullable<GpuTime>): Chart {
  const values = kernels.map((it) => ({ kernel: `${it.kernel} × ${it.dispatches}`, ms: it.ms }))
  return {
    id,
    title,
    note: 'The longest bar is where the time goes. By timestamps around every dispatch, each in a pass of its own: the sum is more than the work takes as a whole.',
    spec: {
      width: chartSize().width,
      height: 55 + 18 * values.length,
      autosize: { type: 'fit', contains: 'padding' },
      data: { values },
      mark: { type: 'bar', color: PALETTE[0] },
      encoding: {
        x: { field: 'ms', type: 'quantitative' },
        y: {
          field: 'kernel',
          type: 'nominal',
          sort: null,
          title: null,
        },
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
  const ends = [Math.min(...intensities) / 2, Math.max(...intensities) * 2] as const
  const roof = [ends[0], peak / bandwidth, ends[1]].map((x) => ({ x, y: Math.min(peak, x * bandwidth) }))
  const x = axisOf('x', { title: 'floating-point operations per byte', scale: 'log', ends }, [])
  const y = axisOf(
    'y',
    { title: 'GFLOP/s', scale: 'log' },
    [...points, ...roof].map((it) => it.y),
  )
  const named = points.map(({ x, y, op, shape, variant, in_use }) => ({
    x,
    y,
    op,
    in_use,
    name: `${op}, ${shape}, ${variant}`,
  }))
  const description = { field: 'name', type: 'nominal' } as const
  const op = { field: 'op', type: 'nominal', legend: { columns: 6 } } as const
  return {
    id: 'roofline',
    title: 'Roofline',
    wide: true,
    note:
      `The nearer a kernel lies to the line, the less there is to win. Line: the ceilings measured on this adapter, ${bandwidth.toFixed(1)} GB/s and ` +
      `${peak.toFixed(1)} GFLOP/s; a point above it reads from a cache. Small and grey: variants not in use.`,
    spec: {
      ...chartSize(true),
      autosize: { type: 'fit', contains: 'padding' },
      encoding: { x, y },
      layer: [
        { data: { values: roof }, mark: { type: 'line', color: 'currentColor', strokeWidth: 1.5, aria: false } },
        {
          data: { values: named.filter((it) => !it.in_use) },
          mark: { type: 'point', filled: true, size: 25, color: FAINT, opacity: 1 },
          encoding: { description },
        },
        {
          data: { values: named.filter((it) => it.in_use) },
          mark: { type: 'point', filled: true, size: 70, opacity: 1 },
          encoding: { color: op, shape: op, description },
        },
      ],
    },
  }
}

function batchChart({ suites }: BenchReport): Chart {
  const rows = suites.scaling!.rows.filter((it) => it.grows === 'batch')
  const alone = rows[0]!.decode_tokens_per_s!
  const line = (label: string, y: (row: (typeof rows)[number]) => number | null, guide?: true): Line => ({
    label,
    points: rows.map((it) => ({ x: it.at, y: y(it) })),
    ...(guide && { guide }),
  })
  return lineChart({
    id: 'batch',
    title: 'Batch scaling',
    note: 'Ids drawn per second by all replies together while they decode: the flatter the line, the less another reply adds.',
    lines: [
      line('measured', (it) => it.decode_tokens_per_s),
      line('4 × batch 1', () => 4 * alone, true),
      line('were a step to cost nothing more', (it) => it.at * alone, true),
    ],
    x: { title: 'replies drawn together', scale: 'steps' },
    y: { title: 'ids per second', scale: 'log' },
  })
}

function growthChart({ suites }: BenchReport, grows: Exclude<Growing, 'batch'>): Chart {
  const rows = suites.scaling!.rows.filter((it) => it.grows === grows)
  const line = (label: string, key: 'encode_ms' | 'step_ms' | 'blocks_ms'): Line => ({
    label,
    points: rows.map((it) => ({ x: it.at, y: it[key]?.p50 ?? null })),
  })
  const lines = [line('encode', 'encode_ms'), line('a decode step', 'step_ms')]
  const what = { context: 'ids of the context', blocks: 'COMET blocks' }[grows]
  return lineChart({
    id: `growth-${grows}`,
    title: `Cost over ${what}`,
    note: `What more ${what} cost: medians; encode with no block in the cache.`,
    lines: grows === 'blocks' ? [...lines, line('blocks alone', 'blocks_ms')] : lines,
    x: { title: what, scale: 'steps' },
    y: { title: 'ms', scale: 'log' },
  })
}
