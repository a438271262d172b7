/**
 * Draws docs/figures.svg, Figure 3 of the data and of a model side by side:
 * `npm run figures -- MODEL --data DIR [more options of misc explain]`; FIGURES names another file.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stageCharts } from '../src/explain/corpus-charts.js'
import type { CorpusFigures } from '../src/explain/corpus-figures.js'
import { renderChart } from '../src/plots/render.js'
import { escapeHtml } from '../src/plots/section.js'

const root = fileURLToPath(new URL('../', import.meta.url))
const file = process.env.FIGURES ?? join(root, 'docs/figures.svg')
const gap = 20
const heading = 24

const command = ['--import', 'tsx', join(root, 'src/cli/main.ts'), 'explain', ...process.argv.slice(2), '--json']
const { stdout, status } = spawnSync(process.execPath, command, {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
})
if (status !== 0) process.exit(status ?? 1)
const charts = stageCharts(JSON.parse(stdout) as CorpusFigures)

let [width, height] = [0, 0]
const parts: string[] = []
for (const chart of charts) {
  const svg = await renderChart(chart)
  const [, w, h] = /width="(\d+)" height="(\d+)"/.exec(svg)!.map(Number) as [number, number, number]
  const title = `<text x="${width}" y="15" font-size="14" font-weight="bold" fill="currentColor">${escapeHtml(chart.title)}</text>`
  parts.push(title, svg.replace('<svg ', `<svg x="${width}" y="${heading}" `))
  width += w + gap
  height = Math.max(height, h + heading)
}
// A file of its own has no page to take its colours from.
const style =
  'svg { color: #222; background: #fff; font-family: system-ui, sans-serif } @media (prefers-color-scheme: dark) { svg { color: #e6e6e6; background: #17191c } }'
writeFileSync(
  file,
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width - gap} ${height}" width="${width - gap}" height="${height}" role="group">` +
    `<style>${style}</style>\n${parts.join('\n')}\n</svg>\n`,
)
