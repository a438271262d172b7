import { type Chart, chartSize } from './chart.js'

/** Values over another; null where there is none. */
export interface Line {
  readonly label: string
  readonly points: readonly { readonly x: number; readonly y: number | null }[]
  /** Whether it is there to compare with alone: dashed, without points. */
  readonly guide?: true
}

const SHAPES = ['circle', 'square', 'diamond', 'triangle-up', 'cross', 'triangle-down', 'triangle-right'] as const

/** What an axis is of. */
export interface Axis {
  /** With the unit. */
  readonly title: string
  /** `steps`: each value has the same room, as 1, 2, 4, 8. */
  readonly scale?: 'linear' | 'log' | 'steps'
  /** Ends of the axis; default: those of the values, with 0 on a linear one. */
  readonly ends?: readonly [number, number]
  /** Of its labels, by d3-format. */
  readonly format?: string
}

/** Lines, which differ in colour, in the form of their points and in their dashes. */
export function lineChart({
  lines,
  x,
  y,
  ...chart
}: Omit<Chart, 'spec'> & { readonly lines: readonly Line[]; readonly x: Axis; readonly y: Axis }): Chart {
  const labels = lines.map(({ label }) => label)
  const guides = lines.filter(({ guide }) => guide).map(({ label }) => label)
  const values = lines.flatMap(({ label, points }) =>
    points.map((point) => ({ ...point, line: label, name: valueName(label, point) })),
  )
  const ys = values.flatMap(({ y }) => (y === null ? [] : [y]))
  const legend = labels.length > 1 ? {} : null
  const isMeasured = { not: { field: 'line', oneOf: guides } }
  return {
    ...chart,
    spec: {
      ...chartSize(chart.wide),
      autosize: { type: 'fit', contains: 'padding' },
      data: { values },
      encoding: {
        x: axisOf('x', x, []),
        y: axisOf('y', y, ys),
        color: { field: 'line', type: 'nominal', scale: { domain: labels }, legend },
      },
      layer: [
        {
          mark: { type: 'line', strokeWidth: 2, invalid: 'break-paths-show-path-domains', aria: false },
          encoding: {
            order: { field: 'x', type: 'quantitative' },
            strokeDash: {
              field: 'line',
              type: 'nominal',
              scale: { domain: labels, range: labels.map((it) => (guides.includes(it) ? [5, 4] : [1, 0])) },
              legend,
            },
          },
        },
        {
          transform: [{ filter: isMeasured }],
          mark: { type: 'point', filled: true, size: 60, opacity: 1, invalid: 'filter' },
          encoding: {
            description: { field: 'name', type: 'nominal' },
            shape: {
              field: 'line',
              type: 'nominal',
              scale: {
                domain: labels,
                range: lines.map(({ guide }, i) => (guide ? 'stroke' : SHAPES[i % SHAPES.length]!)),
              },
              legend,
            },
          },
        },
      ],
    },
  }
}

const valueName = (label: string, { x, y }: Line['points'][number]): string =>
  `${label}: ${y === null ? 'nothing' : Number(y.toPrecision(4))} at ${x}`

/** An axis of a plot; on a logarithmic one the labels are 1, 2, 5, 10, …. */
export function axisOf(
  field: string,
  { title, scale = 'linear', ends, format }: Axis,
  values: readonly number[],
): {
  field: string
  type: 'ordinal' | 'quantitative'
  scale?: { type?: 'log'; domain?: number[]; nice?: boolean; zero?: boolean }
  title: string
  axis: { labelAngle?: number; values?: number[]; format?: string }
} {
  if (scale === 'steps') return { field, type: 'ordinal', title, axis: { labelAngle: 0 } }
  const shown = { ...(format && { format }) }
  if (scale === 'linear') {
    return { field, type: 'quantitative', title, ...(ends && { scale: { domain: [...ends] } }), axis: shown }
  }
  const [low, high] = ends ?? [Math.min(...values) / 1.3, Math.max(...values) * 1.3]
  const decades = Array.from(
    { length: Math.ceil(Math.log10(high)) - Math.floor(Math.log10(low)) + 1 },
    (_, i) => 10 ** (Math.floor(Math.log10(low)) + i),
  )
  const ticks = decades.flatMap((it) => [it, 2 * it, 5 * it]).filter((it) => it >= low && it <= high)
  const few = ticks.length > 12 ? ticks.filter((it) => decades.includes(it)) : ticks
  return {
    field,
    type: 'quantitative',
    title,
    scale: { type: 'log', domain: [low, high], nice: false },
    axis: { ...shown, values: few, format: format ?? '~g' },
  }
}
