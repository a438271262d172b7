/** `npm run fuzz`: cases of every kind of input, one kind after another, each in a process of its own (nightly-kind.ts). */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Command, InvalidArgumentError } from 'commander'
import { megabytes } from '../../src/bench/figures.js'
import { progressBar } from '../../src/cli/progress.js'
import { markdownTable } from '../../src/plots/section.js'
import { caseFolder, kinds } from './all-kinds.js'
import type { Outcome } from './cases.js'

/** A process that began no new case for so long hangs in one. Case times are its own; this includes what others take. */
const mostSilentMs = 120_000
const everyMs = 1000
/** What a case may make the heap grow to. */
const heapMegabytes = 512

interface Row extends Partial<Outcome> {
  readonly name: string
  readonly seconds: number
  readonly memory?: readonly { start: number; end: number }[]
}

const whole = (text: string) => {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('It must be a whole number.')
}
const command = new Command('npm run fuzz --')
  .description('Reads nearly right files and inputs of every kind; none may crash, hang, or be read wrongly.')
  .option('--cases <number>', 'cases of each kind', whole, 100_000)
  .option('--seed <number>', 'where the cases start (default: another every time)', whole)
  .option('--kind <word...>', 'only kinds whose names contain one of these')
  .option('--path <path>', 'only the case that failed there, and smaller ones')
  .option('--list', 'print the names of the kinds')
  .addHelpText('after', '\nExample: npm run fuzz -- --cases 5000 --kind rows tokenizers --seed 7')
  .parse()
const options = command.opts<{ cases: number; seed?: number; kind?: string[]; path?: string; list?: boolean }>()
const { cases, kind: words = [''], path, seed = Math.floor(Math.random() * 2 ** 31) } = options

const names = [...kinds.keys()].filter((name) => words.some((word) => name.includes(word)))
if (names.length === 0) command.error(`error: no kind has ${words.join(' or ')} in its name: see --list`)
if (path !== undefined && (names.length > 1 || options.seed === undefined)) {
  command.error('error: --path needs the --seed and the one --kind that it was found with')
}
if (options.list) {
  console.log(names.join('\n'))
  process.exit()
}

const rows: Row[] = []
let child: ChildProcess | undefined
// Who ends it early gets the kinds that are done.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    child?.kill('SIGKILL')
    finish()
  })
}
console.error(`${cases} cases of each of ${names.length} kinds, seed ${seed}`)
for (const name of names) {
  const row = await checkAlone(name)
  rows.push(row)
  if (row.failure) console.error(told(row))
}
finish()

/** Has a process check a kind, and says how far it is. */
async function checkAlone(name: string): Promise<Row> {
  const file = join(caseFolder(), 'case')
  const args = [
    '--import',
    'tsx',
    fileURLToPath(new URL('nightly-kind.ts', import.meta.url)),
    name,
    file,
    String(cases),
    String(seed),
  ]
  const started = performance.now()
  child = spawn(
    process.execPath,
    [`--max-old-space-size=${heapMegabytes}`, ...args, ...(path === undefined ? [] : [path])],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const [out, said] = [text(child.stdout!), text(child.stderr!)]
  using bar = progressBar(name, cases, 'cases', { remaining: true })
  let [done, changed, hangs] = [0, started, false]
  const timer = setInterval(() => {
    const now = begun(file)
    if (now > done) {
      bar.advance(now - done)
      ;[done, changed] = [now, performance.now()]
    } else if (performance.now() - changed > mostSilentMs) {
      hangs = true
      child!.kill('SIGKILL')
    }
  }, everyMs)
  const [output, errors] = await Promise.all([out, said])
  clearInterval(timer)
  const seconds = (performance.now() - started) / 1000
  if (output.startsWith('{')) return { name, seconds, ...JSON.parse(output) }
  const last = begun(file)
  const how = hangs ? `no case began for ${mostSilentMs / 1000} s` : `the process ended: ${errors.slice(-2000)}`
  return { name, seconds, cases: last, failure: { path: last > 0 ? String(last - 1) : '', text: how } }
}

/** How many cases a process began. */
function begun(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'))
  } catch {
    return 0
  }
}

function told({ name, failure }: Row): string {
  const again = failure!.path === '' ? `--cases ${cases}` : `--path ${failure!.path}`
  return `${name} failed; to see it again: npm run fuzz -- --kind '${name}' --seed ${seed} ${again}\n${failure!.text}\n`
}

function finish(): never {
  const cells = rows.map(({ name, cases = 0, sound = 0, failure, seconds, slowest = 0, memory }) => [
    ...[name, String(cases), String(sound), String(seed), failure ? '1' : '0', seconds.toFixed(0)],
    ...[
      (1000 * slowest).toFixed(0),
      ...(memory ?? []).map(({ start, end }) => `${megabytes(start)} → ${megabytes(end)}`),
    ],
  ])
  const columns = ['kind', 'cases', 'sound', 'seed', 'failures', 'seconds', 'slowest ms', 'heap', 'process']
  console.log(markdownTable({ columns, rows: cells.map((row) => columns.map((_, i) => row[i] ?? '')) }))
  process.exit(rows.some(({ failure }) => failure) || rows.length < names.length ? 1 : 0)
}
