import * as assert from 'uvu/assert'
import { type BenchOptions, bench, type SuiteName } from '../../src/bench/bench.js'
import { reportCharts } from '../../src/bench/charts.js'
import { renderPage } from '../../src/bench/page.js'
import type { BenchReport, KernelRow, ScalingRow } from '../../src/bench/report.js'
import { reportSections } from '../../src/bench/sections.js'
import { resolveWorkload, type Workload } from '../../src/bench/workload.js'
import { describeFolder } from '../../src/engine/load-model.js'
import { openGpu } from '../../src/platform/node/open-gpu.js'
import { escapeHtml, renderMarkdown, renderText } from '../../src/plots/section.js'
import { checkPlots, isWiderThanItsWindow, markTitles, withPage } from '../browser.js'
import { type GoldenName, goldenModel } from '../golden.js'
import { testAdapters } from '../gpu.js'

/** Runs suites of a golden model: every one has the figures that it promises, in the report, the tables and the page. */
export async function checkSuites(model: GoldenName, suites: readonly SuiteName[]): Promise<BenchReport> {
  const workload = await smallWorkload(model)
  const { report, steps } = await runSuites(await goldenModel(model), { suites, workload })
  assert.equal(Object.keys(report.suites), [...suites])
  assert.equal(steps, ['loading weights', ...suites])
  await checkReport(report)
  const { kernels } = report.suites
  if (kernels) checkOps(kernels.rows)
  return report
}

/** A report of a model, and what was told of its progress. */
export async function runSuites(
  folder: string,
  options: Pick<BenchOptions, 'suites' | 'workload' | 'optional'>,
): Promise<{ readonly report: BenchReport; readonly steps: readonly string[] }> {
  const gpu = await openGpu({ adapter: testAdapters[0]! })
  const steps = new Set<string>()
  try {
    const report = await bench(gpu, folder, {
      ...options,
      adapterMs: 1,
      packageVersion: '1.2.3',
      bandwidthBytes: 2 ** 24,
      quotedProducts: false,
      progress: (label) => ({ advance: () => void steps.add(label), [Symbol.dispose]: () => {} }),
    })
    return { report, steps: [...steps] }
  } finally {
    await gpu.dispose()
  }
}

/** Small enough for a test, with a reply of several ids. */
export async function smallWorkload(model: GoldenName): Promise<Workload> {
  const description = await describeFolder(await goldenModel(model))
  return resolveWorkload(
    { context: 20, postBlocks: 3, situationBlocks: 2, tokens: 4, batch: 2, repetitions: 2 },
    description,
  )
}

/** Every figure of a report is one that can be, and its tables and page show them. */
export async function checkReport(report: BenchReport): Promise<void> {
  checkFigures(report)
  checkTable(renderText(reportSections(report)), report)
  checkTable(renderMarkdown(reportSections(report)).replaceAll('\\', ''), report)
  await checkPage(report)
}

const batches = ['50 x 5', '512 x 5', '512 ragged']

function checkFigures(report: BenchReport): void {
  positive(JSON.parse(JSON.stringify(report)), '')
  const { suites, ceilings, workload } = report
  const { decode, encode, blocks } = suites
  close(decode!.decode_tokens_per_s, (1000 * workload.batch!) / decode!.tpot_ms.mean)
  close(decode!.tpot_ms.mean, decode!.itl_ms.mean)
  assert.equal([decode!.ttft_ms.n, decode!.itl_ms.n], [2, 6])
  assert.ok(decode!.tokens_per_s < decode!.decode_tokens_per_s * 4)
  close(decode!.mbu, decode!.step_bytes.total / decode!.tpot_ms.mean / 1e6 / ceilings.read_bandwidth.gb_per_s)
  assert.ok(decode!.cold.ttft_ms > decode!.cold.compile_ms)
  const { decoder_layers: layers, d_model: d } = report.model
  const perRow = 4 * workload.batch! * layers * 2 * d
  close(decode!.step_bytes.self_cache, perRow * (workload.tokens! / 2))
  // The strategy has a value and no key.
  close(decode!.step_bytes.cross_cache, perRow * (20 + 5 + 0.5))

  const names = ['encode', 'encode_cached_blocks', 'cross_kv', 'blocks', 'context', 'fusion_strategy']
  assert.equal(
    encode!.rows.map((it) => it.name),
    names,
  )
  const gflop = Object.fromEntries(encode!.rows.map((row) => [row.name, row.gflop]))
  close(gflop.encode!, gflop.blocks! + gflop.encode_cached_blocks!)
  assert.is(encode!.rows[0]!.ids, 2 * (20 + 5 * 5))
  assert.equal(blocks?.rows.map((row) => row.name) ?? batches, batches)
  assert.equal(blocks?.rows.slice(0, 2).map((row) => row.blocks) ?? [50, 512], [50, 512])
  const { kernels, scaling } = suites
  if (kernels) checkKernels(kernels.rows)
  if (scaling) checkScaling(scaling.rows)
  for (const row of [...encode!.rows, ...(blocks?.rows ?? [])]) {
    close(row.ids_per_s, row.ids / (row.ms.mean / 1e3))
    close(row.mfu!, row.gflop! / (row.ms.mean / 1e3) / ceilings.fma.gflop_per_s)
  }
}

/** Each op at each shape once per variant, and one variant of them is in use. */
function checkKernels(rows: readonly KernelRow[]): void {
  const groups = new Map<string, KernelRow[]>()
  for (const row of rows) groups.set(row.op + row.shape, [...(groups.get(row.op + row.shape) ?? []), row])
  for (const group of groups.values()) {
    assert.is(new Set(group.map((it) => it.variant)).size, group.length, group[0]!.shape)
    assert.is(group.filter((it) => it.in_use).length, 1, group[0]!.shape)
  }
  for (const { gflop, bytes, ms, gb_per_s, gflop_per_s } of rows) {
    close(gb_per_s, bytes / ms.p50 / 1e6)
    close(gflop_per_s, (1000 * gflop) / ms.p50)
  }
}

function checkOps(rows: readonly KernelRow[]): void {
  const ops = new Set(rows.map((it) => it.op))
  for (const op of ['gemm', 'gemv', 'attention', 'cached-attention', 'cross-attention', 'layer-norm', 'sample']) {
    assert.ok(ops.has(op), op)
  }
}

function checkScaling(rows: readonly ScalingRow[]): void {
  const at = (grows: ScalingRow['grows']) => rows.filter((it) => it.grows === grows).map((it) => it.at)
  assert.equal(at('context'), [32, 64])
  assert.equal(at('blocks'), [0, 16, 32, 50, 128, 256, 512])
  assert.equal(at('batch'), [1, 2, 4, 8, 16, 32])
  for (const { grows, at, blocks_ms, step_ms, decode_tokens_per_s } of rows) {
    assert.is(blocks_ms !== null, grows === 'blocks' && at > 0)
    assert.is(step_ms !== null, grows !== 'blocks' || at <= 50)
    if (step_ms) close(decode_tokens_per_s!, (1000 * (grows === 'batch' ? at : 2)) / step_ms.p50)
  }
}

/** The page asks nothing of a network, every plot shows its data, and names are text, never markup. */
export async function checkPage(report: BenchReport): Promise<void> {
  const hostile = '</script><img onerror=alert(1)>|`"&'
  const page = await renderPage({ ...report, model: { ...report.model, folder: hostile } })
  assert.not.match(page, /\b(?:src|href|srcset|action)\s*=|@import|url\(|<(?:script|link|iframe|object|embed|base)\b/i)
  assert.match(page, /Content-Security-Policy" content="default-src 'none'/)
  assert.not.ok(page.includes('<img'))
  assert.ok(page.includes(escapeHtml(hostile)))
  assert.ok(page.includes(escapeHtml(report.adapter.name)))
  const charts = reportCharts(report)
  assert.ok(charts.length >= Object.keys(report.suites).length, `${charts.length} plots`)
  for (const { id, note, spec } of charts) {
    const svg = new RegExp(`<svg id="${id}".*?</svg>`, 's').exec(page)?.[0] ?? ''
    assert.ok(svg.includes(`<desc id="${id}-desc">${escapeHtml(note)}</desc>`), id)
    assert.not.match(svg, /NaN|undefined|Infinity/, id)
    const values = [...JSON.stringify(spec).matchAll(/"(?:ms|[xy])":([^,}]+)/g)].map(([, it]) => it)
    // Axes are of these names too.
    const numbers = values.filter((it) => !/^[{"]/.test(it!))
    assert.ok(numbers.length > 0 && numbers.every((it) => it === 'null' || Number.isFinite(Number(it))), id)
    assert.ok(svg.split(/<title>[^<]+<\/title>/).length > 1, `${id} shows no value`)
  }
}

/** A browser shows every plot with its values, in light, in dark and on a phone, and asks for nothing. */
export async function checkPageInBrowser(report: BenchReport): Promise<void> {
  const ids = reportCharts(report).map(({ id }) => id)
  const html = await renderPage(report)
  await withPage(html, [{}, { dark: true }, { width: 390 }], async (page, reader) => {
    await checkPlots(page, ids, reader)
    assert.not.ok(await isWiderThanItsWindow(page))
    const { itl_by_position_ms: gaps, gpu_step: step } = report.suites.decode!
    const shown = gaps.map((ms, i) => `median of the runs: ${Number(ms.toPrecision(4))} at ${i + 2}`)
    assert.equal(await markTitles(page, 'latency'), shown)
    const bars = await markTitles(page, 'ops-decode')
    assert.equal(
      bars.map((it) => Number(/^ms: ([\d.]+)/.exec(it)?.[1]).toFixed(6)),
      step?.kernels.map(({ ms }) => ms.toFixed(6)),
    )
    if (!reader.width) return
    // What is wider than a phone is reached with the keyboard, and moved there.
    await page.keyboard.press('Tab')
    assert.is(await page.evaluate('document.activeElement.querySelector("svg").id'), 'roofline')
    assert.ok(await page.evaluate('document.activeElement.scrollWidth > document.activeElement.clientWidth'))
  })
}

/** Every number is finite; above zero too, but for deviations, GPU times shorter than the clock’s step, the load, and what was tuned. */
export function positive(value: unknown, path: string): void {
  if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) positive(inner, `${path}.${key}`)
    return
  }
  if (value === null) assert.match(path, /\.gpu_\w+$|^\.suites\.scaling\.rows\./)
  if (typeof value !== 'number') return
  assert.ok(Number.isFinite(value), path)
  const mayBeZero = /\.std$|\.gpu_\w+\b|load_average|subgroup_size|tuned_classes|\.gflop|cross_cache|\.at$/.test(path)
  assert.ok(mayBeZero ? value >= 0 : value > 0, `${path} is ${value}`)
}

function checkTable(table: string, { adapter }: BenchReport): void {
  assert.ok(table.includes(adapter.name))
  for (const word of ['TTFT', 'TPOT', 'ITL', 'MBU', 'MFU', 'sampling included', 'cross_kv']) {
    assert.ok(table.includes(word), word)
  }
  assert.not.match(table, /NaN|undefined|Infinity/)
}

export function close(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-9 * Math.abs(expected), `${actual}, expected ${expected}`)
}
