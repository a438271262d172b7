import { figuresHtml, htmlPage } from '../plots/page.js'
import { escapeHtml, renderSectionsHtml, type Section } from '../plots/section.js'
import { confusionCharts, stageCharts, topChart } from './corpus-charts.js'
import type { CorpusFigures, Shares } from './corpus-figures.js'

/** The figures as one HTML file: the plots of Figures 3 and 5 and of the confusion, then every number in tables. */
export async function corpusPage(figures: CorpusFigures): Promise<string> {
  const { data, split, systems } = figures
  const parts = [
    ['Which strategy at which stage (Figure 3)', stageCharts(figures)],
    ['How often the strategy is among the likeliest (Figure 5)', [topChart(figures)]],
    ['Which is taken for which', confusionCharts(figures)],
  ] as const
  const plots: string[] = []
  for (const [title, charts] of parts) {
    plots.push(`<section><h2>${escapeHtml(title)}</h2>\n${await figuresHtml(charts)}</section>`)
  }
  const [heading, ...tables] = corpusSections(figures)
  return htmlPage({
    title: `Strategies of ${systems.map(({ name }) => name).join(', ')} on ${split} of ${data}`,
    heading: `<pre>${escapeHtml(heading!.notes.join('\n'))}</pre>`,
    body: `${plots.join('\n')}\n${renderSectionsHtml(tables)}`,
  })
}

/** For a terminal, and below the plots; the first says what was counted. */
export function corpusSections(figures: CorpusFigures): Section[] {
  const { data, split, replies, unnamed, strategies, stages, taken, systems } = figures
  const counted = `${replies} replies of ${split} in ${data}${unnamed > 0 ? `; ${unnamed} others name no strategy` : ''}`
  const by =
    stages.by === 'progress'
      ? 'stages: fifths of a conversation’s turns, and its last turn alone'
      : 'stages: by the number of the turn, six groups of like size; the data does not say how long conversations are'
  const made = systems.map(({ name, made }) =>
    [name, ...Object.entries(made).map(([key, value]) => `${key} ${value}`)].join(', '),
  )
  const guesses = Math.max(...systems.map(({ topAccuracy }) => topAccuracy.length))
  return [
    { title: 'Strategies', notes: [counted, by, ...made] },
    {
      title: 'Top-k accuracy, %',
      notes: [],
      table: {
        columns: ['', ...Array.from({ length: guesses }, (_, i) => `k ${i + 1}`)],
        rows: systems.map(({ name, topAccuracy }) => [
          name,
          ...Array.from({ length: guesses }, (_, i) => topAccuracy[i]?.toFixed(1) ?? '–'),
        ]),
      },
    },
    ...[{ name: 'the data', shares: taken }, ...systems].map(({ name, shares }) => stageTable(name, shares, figures)),
    ...systems.map(({ name, confusion }) => ({
      title: `Taken and predicted, replies: ${name}`,
      notes: [],
      table: {
        columns: ['taken \\ predicted', ...strategies.map((_, i) => `${i + 1}`)],
        rows: confusion.map((row, i) => [`${i + 1} ${strategies[i]}`, ...row.map(String)]),
      },
    })),
  ]
}

function stageTable(name: string, shares: Shares, { strategies, stages }: CorpusFigures): Section {
  return {
    title: `Strategies over stages, %: ${name}`,
    notes: [],
    table: {
      columns: ['', ...stages.labels],
      rows: [
        ...strategies.map((it, i) => [
          `${i + 1} ${it}`,
          ...shares[it].map((share) => (share === null ? '–' : share.toFixed(1))),
        ]),
        ['replies', ...stages.replies.map(String)],
      ],
    },
  }
}
