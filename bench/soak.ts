/**
 * Does memory grow with the replies that are drawn? 64 callers ask the packaged model, and its COMET, for replies, and give up a
 * third of them at random moments:
 *
 *     npm run bench:soak -- [MODEL] [--adapter NAME] [--replies 10000] [--seconds 3600] [--callers 64] [--out FILE.json] [--plot FILE.html]
 *
 * It ends after so many replies, or so much time. They reply to contexts of ESConv's test rows where those lie in ../shared, else
 * to those of the packaged example. What host and GPU hold is looked at some 120 times, after garbage was collected.
 *
 * Prints a table of Markdown with what each figure fell back to in the second quarter of the replies and in the last, and exits
 * with 1 where one has grown (src/bench/callers.ts: by how much, and why so). All samples go into the file, default
 * bench/results/soak.json, and are drawn in the other, default bench/results/soak.html.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { call, growthOf, mostGrowth, type Outcomes, type Sample, useNow } from '../src/bench/callers.js'
import { fixed, megabytes } from '../src/bench/figures.js'
import { Misc } from '../src/engine/misc.js'
import { openGpu } from '../src/platform/node/open-gpu.js'
import { packagedModel } from '../src/platform/node/packaged-model.js'
import { lineChart } from '../src/plots/line-chart.js'
import { figuresHtml, htmlPage } from '../src/plots/page.js'
import { renderMarkdown, renderSectionsHtml } from '../src/plots/section.js'
import type { DialogueInput } from '../src/text/dialogue.js'
import { readReplyRows } from '../src/text/reply-rows.js'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    adapter: { type: 'string' },
    replies: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '3600' },
    callers: { type: 'string', default: '64' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: 'bench/results/soak.json' },
    plot: { type: 'string', default: 'bench/results/soak.html' },
  },
})
const [callers, replies, seconds, seed] = (['callers', 'replies', 'seconds', 'seed'] as const).map((name) => {
  const value = Number(flags[name])
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new Error(`--${name} must be a whole number at least 1, got ${flags[name]}`)
}) as [number, number, number, number]

/** So few that all blocks are written in the first quarter of the replies, and what is kept of them is there. */
const dialogues = 96
const figures = ['rss', 'heap', 'external', 'gpu'] as const

const gpu = await openGpu({ adapter: flags.adapter })
await using engine = await Misc.open(gpu, positionals[0] ?? packagedModel())
const outcomes: Outcomes = { whole: 0, aborted: 0 }
const samples: (Sample & { readonly seconds: number })[] = []
const questions = await realQuestions()
const [started, cpuBefore] = [performance.now(), process.cpuUsage()]
const look = () => {
  const passed = (performance.now() - started) / 1000
  const sample = { seconds: passed, replies: outcomes.whole + outcomes.aborted, ...useNow(gpu) }
  samples.push(sample)
  const held = figures.map((name) => `${name} ${megabytes(sample[name])}`).join(', ')
  process.stderr.write(`${passed.toFixed(0)} s: ${sample.replies} replies, ${held}\n`)
}
const timer = setInterval(() => {
  if (outcomes.whole + outcomes.aborted >= (samples.length * replies) / 120) look()
}, 100)
await call(engine, { questions, callers, replies, seconds, seed, maxNewTokens: 40 }, outcomes)
clearInterval(timer)
look()

const { user, system } = process.cpuUsage(cpuBefore)
const growth = Object.fromEntries(figures.map((name) => [name, growthOf(samples, name)]))
const report = {
  ...{ adapter: gpu.adapter.name, model: positionals[0] ?? 'misc-mini', node: process.version, callers, seed },
  ...{ seconds: samples.at(-1)!.seconds, cpuSeconds: (user + system) / 1e6, ...outcomes, growth, samples },
}
const grown = figures.filter((name) => growth[name]!.grows)
const section = {
  title: `${samples.at(-1)!.replies} replies to ${callers} callers`,
  notes: [
    `${report.adapter}, Node ${report.node}; ${outcomes.aborted} replies were given up; ${fixed(report.seconds)} s, of the processors ${fixed(report.cpuSeconds)} s.`,
    'What each figure fell back to: the least tenth of its samples.',
    grown.length > 0 ? `Grown: ${grown.join(', ')}.` : 'Nothing has grown.',
  ],
  table: {
    columns: ['figure', 'second quarter', 'last quarter', 'allowed between'],
    rows: figures.map((name) => {
      const { start, end } = growth[name]!
      return [name, megabytes(start), megabytes(end), megabytes(mostGrowth[name])]
    }),
  },
}
for (const file of [flags.out, flags.plot]) mkdirSync(dirname(file), { recursive: true })
writeFileSync(flags.out, `${JSON.stringify(report, null, 1)}\n`)
writeFileSync(flags.plot, await page())
process.stdout.write(renderMarkdown([section]))
if (grown.length > 0) process.exitCode = 1

/** Contexts from all over the split, of eight utterances at most, so that 10,000 replies take two cores some ten minutes. */
async function realQuestions(): Promise<DialogueInput[]> {
  const split = fileURLToPath(new URL('../../shared/data/esconv', import.meta.url))
  if (existsSync(split)) {
    const rows = await readReplyRows(split, 'test')
    const chosen = Array.from({ length: dialogues }, (_, i) => rows[Math.floor((i * rows.length) / dialogues)]!)
    return chosen.map(({ context }) => ({
      dialogue: context.slice(-8).map(({ speaker, text }) => ({ speaker, text })),
    }))
  }
  const whole: DialogueInput = JSON.parse(readFileSync(new URL('../examples/dialogue.json', import.meta.url), 'utf8'))
  const ends = [...whole.dialogue.keys()].filter((i) => whole.dialogue[i]!.speaker === 'seeker')
  return ends.map((end) => ({ ...whole, dialogue: whole.dialogue.slice(0, end + 1) }))
}

async function page(): Promise<string> {
  const x = { title: 'seconds' }
  const lines = (names: readonly (typeof figures)[number][]) =>
    names.map((label) => ({ label, points: samples.map((it) => ({ x: it.seconds, y: it[label] / 1e6 })) }))
  const charts = [
    lineChart({
      ...{ id: 'process', title: 'The process, and its tensors on the GPU', wide: true, x, y: { title: 'MB' } },
      note: 'A software adapter’s memory is the process’s own. Level lines leak nothing.',
      lines: lines(['rss', 'gpu']),
    }),
    lineChart({
      ...{
        id: 'values',
        title: 'JavaScript’s values, and what they hold beside the heap',
        wide: true,
        x,
        y: { title: 'MB' },
      },
      note: 'After a collection each.',
      lines: lines(['heap', 'external']),
    }),
    lineChart({
      ...{ id: 'replies', title: 'Replies that ended', wide: true, x, y: { title: 'replies' } },
      note: 'Whole and given up. A straight line: none takes longer than those before it.',
      lines: [{ label: 'replies', points: samples.map((it) => ({ x: it.seconds, y: it.replies })) }],
    }),
  ]
  return htmlPage({
    title: 'Soak',
    heading: `<p>npm run bench:soak</p>`,
    body: `${await figuresHtml(charts)}\n${renderSectionsHtml([section])}`,
  })
}
