/**
 * Does memory grow with the replies that are drawn? 64 callers ask the packaged model, and its COMET, for replies, and give up a
 * third of them at random moments:
 *
 *     npm run bench:soak -- [MODEL] [--adapter NAME] [--replies 10000] [--seconds 600] [--callers 64] [--out FILE.json]
 *
 * It ends after so many replies, or so much time. What host and GPU hold is looked at every other second, after garbage was
 * collected. Prints a table of Markdown: the first and the last point of the line that fits the samples best, those of the first
 * quarter, in which memory is made and caches fill, left out; all samples go into the file, default bench/results/soak.json.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { call, growthOf, type Outcomes, type Use, useNow } from '../src/bench/callers.js'
import { megabytes } from '../src/bench/figures.js'
import { Misc } from '../src/engine/misc.js'
import { openGpu } from '../src/platform/node/open-gpu.js'
import { packagedModel } from '../src/platform/node/packaged-model.js'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    adapter: { type: 'string' },
    replies: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '600' },
    callers: { type: 'string', default: '64' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: 'bench/results/soak.json' },
  },
})
const [callers, replies, seconds, seed] = (['callers', 'replies', 'seconds', 'seed'] as const).map((name) => {
  const value = Number(flags[name])
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new Error(`--${name} must be a whole number at least 1, got ${flags[name]}`)
}) as [number, number, number, number]

/** What is in use, and when. */
interface Sample extends Use {
  readonly seconds: number
  readonly replies: number
}

const everyMs = 2000
const figures = ['rss', 'heap', 'external', 'gpu'] as const

const gpu = await openGpu({ adapter: flags.adapter })
await using engine = await Misc.open(gpu, positionals[0] ?? packagedModel())
const outcomes: Outcomes = { whole: 0, aborted: 0 }
const samples: Sample[] = []
const started = performance.now()
const look = () => {
  const passed = (performance.now() - started) / 1000
  samples.push({ seconds: passed, replies: outcomes.whole + outcomes.aborted, ...useNow(gpu) })
  const last = samples.at(-1)!
  const held = figures.map((name) => `${name} ${megabytes(last[name])}`).join(', ')
  process.stderr.write(`${passed.toFixed(0)} s: ${last.replies} replies, ${held}\n`)
}
const timer = setInterval(look, everyMs)
await call(engine, { callers, replies, seconds, seed, maxNewTokens: 40 }, outcomes)
clearInterval(timer)
look()

const total = samples.at(-1)!.replies
const settled = samples.filter((it) => it.replies >= total / 4)
const growth = Object.fromEntries(
  figures.map((name) => [name, growthOf(settled.map((it) => [it.replies, it[name]] as const))]),
)
const report = {
  ...{ adapter: gpu.adapter.name, model: positionals[0] ?? 'misc-mini', node: process.version, callers, seed },
  ...{ seconds: samples.at(-1)!.seconds, ...outcomes, growth, samples },
}
mkdirSync(dirname(flags.out), { recursive: true })
writeFileSync(flags.out, `${JSON.stringify(report, null, 1)}\n`)
const cell = (name: (typeof figures)[number]) => {
  const { start, end } = growth[name]!
  return `${megabytes(start)} → ${megabytes(end)}`
}
console.log(`| Adapter | Replies | given up | Minutes | ${figures.join(' | ')} |
| --- | ---: | ---: | ---: | ${figures.map(() => '---:').join(' | ')} |
| ${report.adapter} | ${total} | ${outcomes.aborted} | ${(report.seconds / 60).toFixed(1)} | ${figures.map(cell).join(' | ')} |`)
