import { type Chart, chartSize } from '../plots/chart.js'
import { lineChart } from '../plots/line-chart.js'
import { PALETTE } from '../plots/palette.js'
import { STRATEGIES, type StrategyName } from '../text/strategies.js'
import type { CorpusFigures, Shares, SystemFigures } from './corpus-figures.js'

/** A strategy with the number that stands for it where its name has no room. */
const numbered = (name: StrategyName): string => `${STRATEGIES.indexOf(name) + 1} ${name}`

/** Figure 3: a plot for the data and one for each system. */
export const stageCharts = ({ taken, systems, stages }: CorpusFigures): Chart[] =>
  [{ name: 'the data', shares: taken }, ...systems].map(({ name, shares }, i) =>
    stageChart(`stages-${i}`, name, shares, stages),
  )

function stageChart(id: string, name: string, shares: Shares, { by, labels }: CorpusFigures['stages']): Chart {
  const values = STRATEGIES.flatMap((strategy, i) =>
    shares[strategy].map((share, stage) => ({
      ...{ strategy: numbered(strategy), number: `${i + 1}`, share, stage: labels[stage] },
      name: `${strategy}, ${labels[stage]}: ${share?.toFixed(1)} % of the replies`,
      // A number stands where there is room for it.
      middle: middleOf(shares, i, stage),
      seen: (share ?? 0) >= 6,
    })),
  )
  const x = {
    field: 'stage',
    type: 'ordinal',
    sort: [...labels],
    title: by === 'progress' ? 'part of the conversation that is over' : 'turn of the conversation',
    axis: { labelAngle: 0, labelFontSize: 10 },
  } as const
  return {
    id,
    title: `Strategies over six stages: ${name}`,
    note: whatChanges(shares, labels),
    spec: {
      ...chartSize(),
      height: 430,
      autosize: { type: 'fit', contains: 'padding' },
      data: { values },
      encoding: { x },
      layer: [
        {
          transform: [{ filter: 'datum.share > 0' }],
          mark: { type: 'bar', stroke: '#000', strokeWidth: 0.4 },
          encoding: {
            y: { field: 'share', type: 'quantitative', title: '% of the replies', scale: { domain: [0, 100] } },
            color: {
              field: 'strategy',
              type: 'nominal',
              scale: { domain: STRATEGIES.map(numbered), range: [...PALETTE] },
            },
            // The first of the legend at the bottom.
            order: { field: 'number', type: 'ordinal', sort: 'ascending' },
            description: { field: 'name', type: 'nominal' },
          },
        },
        {
          transform: [{ filter: 'datum.seen' }],
          mark: { type: 'text', fontSize: 11, aria: false },
          encoding: {
            y: { field: 'middle', type: 'quantitative' },
            text: { field: 'number', type: 'nominal' },
            // The first and the last colour are the darkest.
            color: {
              condition: { test: "datum.number === '1' || datum.number === '8'", value: '#fff' },
              value: '#000',
            },
          },
        },
      ],
    },
  }
}

/** Where the part of a strategy has its middle, of the bar of a stage. */
function middleOf(shares: Shares, strategy: number, stage: number): number {
  const below = STRATEGIES.slice(0, strategy).reduce((sum, name) => sum + (shares[name][stage] ?? 0), 0)
  return below + (shares[STRATEGIES[strategy]!][stage] ?? 0) / 2
}

/** What falls and what rises most from the first to the last stage that has replies. */
function whatChanges(shares: Shares, labels: readonly string[]): string {
  const stages = labels.flatMap((_, stage) => (shares.Question[stage] === null ? [] : [stage]))
  const [first, last] = [stages[0]!, stages.at(-1)!]
  const changes = STRATEGIES.map((name) => ({ name, from: shares[name][first]!, to: shares[name][last]! }))
  const sorted = [...changes].sort((a, b) => a.to - a.from - (b.to - b.from))
  const said = ({ name, from, to }: (typeof changes)[number], verb: string) =>
    `${name} ${verb} from ${from.toFixed(0)} to ${to.toFixed(0)} %`
  const [fall, rise] = [sorted[0]!, sorted.at(-1)!]
  if (first === last || rise.to - rise.from < 1) return `The strategies are the same at every stage, to a percent.`
  return `From ${labels[first]} to ${labels[last]}, ${said(fall, 'falls')} of the replies and ${said(rise, 'rises')}.`
}

/** Figure 5. */
export function topChart({ systems }: CorpusFigures): Chart {
  const said = systems.map(
    ({ name, topAccuracy }) => `${name} ${topAccuracy.at(-1)!.toFixed(1)} % at k ${topAccuracy.length}`,
  )
  return lineChart({
    id: 'top-k',
    title: 'Top-k accuracy of the strategy',
    note: `In how many of the replies the strategy that the supporter took is among the k likeliest; the higher, the better: ${said.join(', ')}. By chance it is k in 8.`,
    lines: [
      ...systems.map(({ name, topAccuracy }) => ({
        label: name,
        points: topAccuracy.map((y, i) => ({ x: i + 1, y })),
      })),
      { label: 'by chance', points: [1, 2, 3, 4, 5].map((k) => ({ x: k, y: (100 * k) / 8 })), guide: true },
    ],
    x: { title: 'k, guesses allowed', scale: 'steps' },
    y: { title: '% of the replies', ends: [0, 100] },
  })
}

/** A plot for each system. */
export const confusionCharts = ({ systems }: CorpusFigures): Chart[] =>
  systems.map((system, i) => confusionChart(`confusion-${i}`, system))

function confusionChart(id: string, { name, confusion }: SystemFigures): Chart {
  const values = confusion.flatMap((row, taken) => {
    const all = row.reduce((sum, it) => sum + it, 0)
    return row.map((count, predicted) => ({
      ...{ taken: numbered(STRATEGIES[taken]!), predicted: `${predicted + 1}`, count },
      percent: all === 0 ? null : (100 * count) / all,
      name: `${count} of ${all} replies in ${STRATEGIES[taken]}: ${STRATEGIES[predicted]}`,
    }))
  })
  const axes = {
    x: { field: 'predicted', type: 'ordinal', title: 'predicted', axis: { labelAngle: 0, orient: 'top' } },
    y: {
      field: 'taken',
      type: 'ordinal',
      title: 'taken by the supporter',
      sort: STRATEGIES.map(numbered),
    },
  } as const
  return {
    id,
    title: `Which strategy is taken for which: ${name}`,
    note: whatIsMistaken(confusion),
    spec: {
      ...chartSize(),
      autosize: { type: 'fit', contains: 'padding' },
      data: { values },
      encoding: axes,
      layer: [
        {
          mark: { type: 'rect', color: PALETTE[0], stroke: 'currentColor', strokeOpacity: 0.15 },
          encoding: {
            opacity: {
              field: 'percent',
              type: 'quantitative',
              scale: { domain: [0, 100], range: [0, 1] },
              legend: null,
            },
            description: { field: 'name', type: 'nominal' },
          },
        },
        {
          mark: { type: 'text', fontSize: 11, aria: false },
          encoding: {
            text: { field: 'percent', type: 'quantitative', format: '.0f' },
            color: { condition: { test: 'datum.percent > 75', value: '#fff' }, value: 'currentColor' },
          },
        },
      ],
    },
  }
}

function whatIsMistaken(confusion: readonly (readonly number[])[]): string {
  const mistakes = confusion.flatMap((row, taken) =>
    row.flatMap((count, predicted) => (taken === predicted ? [] : { taken, predicted, count, all: sum(row) })),
  )
  const most = mistakes.reduce((best, it) => (it.count > best.count ? it : best))
  const right = sum(confusion.map((row, i) => row[i]!))
  const of = `Of the replies in each strategy, the percent for which each was held likeliest; the diagonal, ${right} of ${sum(confusion.map(sum))}, is right.`
  if (most.count === 0) return of
  const { taken, predicted, count, all } = most
  return `${of} Most often mistaken: ${STRATEGIES[taken]} for ${STRATEGIES[predicted]}, ${count} of ${all}.`
}

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0)
