import type { Chart } from './chart.js'
import { htmlFile } from './html-file.js'
import { renderChart } from './render.js'
import { escapeHtml } from './section.js'

/** A page of a report; all but the title in HTML. */
export interface Page {
  readonly title: string
  /** Below the title. */
  readonly heading: string
  readonly body: string
}

/**
 * One HTML file without a script. It follows the reader's choice of light or dark, and is read on a phone.
 */
export function htmlPage({ title, heading, body }: Page): string {
  const whole = `<header><h1>${escapeHtml(title)}</h1>
${heading}</header>
<main>
${body}
</main>`
  return htmlFile({ title, style, body: whole })
}

/** Plots side by side, each with its title and what to see. */
export async function figuresHtml(charts: readonly Chart[]): Promise<string> {
  const figures: string[] = []
  for (const chart of charts) figures.push(figure(chart, await renderChart(chart)))
  return `<div class="plots">\n${figures.join('\n')}\n</div>`
}

/** A wide plot is moved sideways where the page is narrower, with the keyboard too. */
function figure({ title, note, wide }: Chart, svg: string): string {
  const scrolls = wide ? ` class="plot" tabindex="0" role="region" aria-label="${escapeHtml(title)}"` : ' class="plot"'
  return (
    `<figure${wide ? ' class="wide"' : ''}><figcaption><strong>${escapeHtml(title)}</strong> ${escapeHtml(note)}</figcaption>` +
    `<div${scrolls}>${svg}</div></figure>`
  )
}

const style = `
:root { color-scheme: light dark; --soft: #555; --line: #ddd; --box: #f6f6f6; --ink: #222; --paper: #fff }
@media (prefers-color-scheme: dark) {
  :root { --soft: #b0b0b0; --line: #444; --box: #26282b; --ink: #e6e6e6; --paper: #17191c }
}
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin-bottom: 0; overflow-wrap: anywhere }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem }
header p { margin: .2rem 0 1rem; color: var(--soft) }
pre { background: var(--box); padding: .8rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1.5rem 2rem }
figure { margin: 0; min-width: 0 }
figcaption { color: var(--soft); font-size: 13px }
figcaption strong { display: block; color: var(--ink); font-size: 15px }
.wide { grid-column: 1 / -1 }
.plot, .table { overflow-x: auto }
.plot svg { max-width: 100%; height: auto; display: block }
.wide .plot svg { max-width: none }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: pre }
.name { text-align: left }
ul { color: var(--soft); font-size: 13px; padding-left: 1.2rem }
@media print {
  :root { color-scheme: light; --soft: #444; --line: #bbb; --box: #fff; --ink: #000; --paper: #fff }
  body { margin: 0; max-width: none; padding: 0 }
  figure, tr { break-inside: avoid } h2 { break-after: avoid }
  .plot, .table { overflow: visible }
  .wide .plot svg { max-width: 100% }
  table { font-size: 7.5pt } th, td { padding: .15rem .25rem; white-space: normal }
}
`
