import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { reportCharts } from './charts.js'
import type { BenchReport } from './report.js'
import { escapeHtml, renderSectionsHtml } from './section.js'
import { adapterName, reportSections, reportTitle } from './sections.js'

/**
 * The report as one HTML file with plots. It holds the plot library, and the page's own policy forbids every request, so
 * that it looks the same on a machine without a network.
 */
export function renderPage(report: BenchReport): string {
  const charts = reportCharts(report)
  const figures = charts.map(
    ({ id, title, note, wide }) =>
      `<figure${wide ? ' class="wide"' : ''}><figcaption><strong>${escapeHtml(title)}</strong> ${escapeHtml(note)}</figcaption>` +
      `<div class="plot"><canvas id="${id}" role="img" aria-label="${escapeHtml(title)}"></canvas></div></figure>`,
  )
  const [heading, ...sections] = reportSections(report)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escapeHtml(reportTitle(report))}</title>
<style>${style}</style>
</head>
<body>
<header><h1>${escapeHtml(heading!.title)}</h1>
<p>${escapeHtml(adapterName(report))}</p>
<pre>${escapeHtml(heading!.notes.join('\n'))}</pre></header>
<div class="plots">
${figures.join('\n')}
</div>
${renderSectionsHtml(sections)}
<script id="data" type="application/json">${inScript(JSON.stringify(charts))}</script>
<script>${inScript(plotLibrary())}</script>
<script>${script}</script>
</body>
</html>
`
}

const policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"

/** Nothing in a script may end it; `<` is the same in JSON and in JavaScript strings as \\u003c. */
const inScript = (text: string): string => text.replace(/<(?=\/script|!--)/gi, '\\u003c')

/** Chart.js for browsers: its package exports the other builds only, so this one is found beside them. */
function plotLibrary(): string {
  const build = join(dirname(createRequire(import.meta.url).resolve('chart.js')), 'chart.umd.min.js')
  // Its source map is not here to be found.
  return readFileSync(build, 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, '')
}

const style = `
:root { color-scheme: light }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; background: #fff; color: #222; font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin-bottom: 0; overflow-wrap: anywhere }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem }
header p { margin: .2rem 0 1rem; color: #555 }
pre { background: #f6f6f6; padding: .8rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(30rem, 1fr)); gap: 1.5rem 2rem }
figure { margin: 0; min-width: 0 }
figcaption { color: #555; font-size: 13px; min-height: 4.2em }
.wide { grid-column: 1 / -1 }
.wide figcaption { min-height: 0 }
figcaption strong { display: block; color: #222; font-size: 15px }
.plot { position: relative; height: 22rem }
.table { overflow-x: auto }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #e4e4e4; white-space: pre }
.name { text-align: left }
ul { color: #555; font-size: 13px; padding-left: 1.2rem }
`

/** A point that has a name shows it; a logarithmic axis has the ticks 1, 2, 5, 10, …. */
const script = `
Chart.defaults.animation = false
Chart.defaults.maintainAspectRatio = false
Chart.defaults.color = '#444'
const label = ({ dataset, raw, formattedValue }) => dataset.label + ' ' + (raw?.name ?? '') + ': ' + formattedValue
const tick = (value) => {
  const digit = Math.round(value / 10 ** Math.floor(Math.log10(value) + 1e-9))
  return [1, 2, 5].includes(digit) ? String(Number(value.toPrecision(2))) : ''
}
for (const { id, config } of JSON.parse(document.getElementById('data').textContent)) {
  const { plugins = {} } = config.options
  config.options.plugins = { ...plugins, tooltip: { callbacks: { label } } }
  for (const scale of Object.values(config.options.scales)) {
    if (scale.type === 'logarithmic') scale.ticks = { callback: tick, autoSkip: false, maxRotation: 0 }
  }
  new Chart(document.getElementById(id), config)
}
`
