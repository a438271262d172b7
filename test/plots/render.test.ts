import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { lineChart } from '../../src/plots/line-chart.js'
import { renderChart } from '../../src/plots/render.js'

const render = suite('plots/render')
const hostile = '</title><script>alert(1)</script>"&'
const points = [3, 6, 12].map((y, i) => ({ x: 2 ** i, y }))
const chart = lineChart({
  id: 'cost',
  title: hostile,
  note: 'The longer, the dearer.',
  lines: [
    { label: 'a', points: [...points, { x: 8, y: null }] },
    { label: hostile, points },
    { label: 'bound', points: points.map(({ x }) => ({ x, y: 10 })), guide: true },
  ],
  x: { title: 'ids', scale: 'steps' },
  y: { title: 'ms', scale: 'log' },
})

render('an SVG with a title, what to see, units on its axes, and a value for each point that there is', async () => {
  const svg = await renderChart(chart)
  assert.match(svg, /^<svg id="cost" role="img" aria-labelledby="cost-title cost-desc" .*<\/svg>$/s)
  assert.match(svg, /<desc id="cost-desc">The longer, the dearer.<\/desc>/)
  for (const unit of ['ids', 'ms']) assert.match(svg, new RegExp(`<text [^>]*>${unit}</text>`))
  const values = [...svg.matchAll(/<path [^>]*><title>([^<]*)<\/title>/g)].map(([, it]) => it)
  assert.is(values.length, 6)
  assert.equal(values[0], 'a: 3 at 1')
  // Ticks of a logarithmic axis.
  for (const tick of ['5', '10']) assert.match(svg, new RegExp(`<text [^>]*>${tick}</text>`))
})

render('text stays text, and takes the colour of the page', async () => {
  const svg = await renderChart(chart)
  assert.not.match(svg, /<script/)
  assert.match(svg, /&lt;script&gt;/)
  const colours = [...svg.matchAll(/<text [^>]*fill="([^"]*)"/g)].map(([, it]) => it)
  assert.equal([...new Set(colours)], ['currentColor'])
  assert.not.match(svg, /fill="(?:#000|#fff|white|black)"/)
})

render('a program that Vega-Lite would warn of is a fault', async () => {
  const { id, title, note } = chart
  const spec = { data: { values: [{ x: 1 }] }, mark: 'bar', height: { step: 9 }, autosize: 'fit' } as const
  const encoding = { y: { field: 'x', type: 'nominal' } } as const
  const drawn = await renderChart({ id, title, note, spec: { ...spec, encoding } }).then(
    () => 'drawn',
    ({ message }: Error) => message,
  )
  assert.match(drawn, /^a plot is drawn wrong: /)
})

render.run()
