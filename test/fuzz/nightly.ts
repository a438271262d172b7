/** `npm run fuzz`: cases of every kind of input, one kind after another, each in a process of its own (nightly-kind.ts). */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Command, InvalidArgumentError } from 'commander'
import { megabytes, nothing } from '../../src/bench/figures.js'
import { type Progress, progressBar } from '../../src/cli/progress.js'
import { markdownTable } from '../../src/plots/section.js'
import { caseFolder, kinds } from './all-kinds.js'
import type { Outcome } from './cases.js'

/** A process that computes for so long without beginning a new case hangs in one, as does one that does neither for longer. */
const mostOwnSeconds = 60
const mostSeconds = 3600
const everyMs = 1000
/** What a case may make the heap grow to. */
const heapMegabytes = 512

interface Row extends Partial<Outcome> {
  readonly name: string
  readonly cases: number
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

const names = [...new Set(words.flatMap((word) => [...kinds.keys()].filter((name) => name.includes(word))))]
if (names.length === 0) command.error(`error: no kind has ${words.join(' or ')} in its name: see --list`)
if (path !== undefined && (names.length > 1 || options.seed === undefined)) {
  command.error('error: --path needs the --seed and the one --kind that it was found with')
}
if (options.list) {
  console.log(names.join('\n'))
  process.exit()
}

const rows: Row[] = []
let running: { child: ChildProcess; soFar: () => Row } | undefined
// Who ends it early gets what is done.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    running?.child.kill('SIGKILL')
    if (running) rows.push(running.soFar())
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
  const program = fileURLToPath(new URL('nightly-kind.ts', import.meta.url))
  const args = [name, file, String(cases), String(seed), ...(path === undefined ? [] : [path])]
  const started = performance.now()
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${heapMegabytes}`, '--import', 'tsx', program, ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const soFar = () => ({ name, cases: begun(file), seconds: (performance.now() - started) / 1000 })
  running = { child, soFar }
  const [out, said] = [text(child.stdout), text(child.stderr)]
  let bar: Progress | undefined
  let [done, changed, hangs] = [0, secondsOf(child), false]
  const timer = setInterval(() => {
    const now = begun(file)
    if (now > done) {
      // What it takes to start says nothing of the time that is left.
      bar ??= progressBar(name, cases, 'cases', { remaining: true })
      bar.advance(now - done)
      ;[done, changed] = [now, secondsOf(child)]
      return
    }
    const { own, all } = secondsOf(child)
    hangs ||= own - changed.own > mostOwnSeconds || all - changed.all > mostSeconds
    if (hangs) child.kill('SIGKILL')
  }, everyMs)
  const [output, errors] = await Promise.all([out, said])
  clearInterval(timer)
  bar?.stop()
  running = undefined
  if (output.startsWith('{')) return { ...soFar(), ...JSON.parse(output) }
  const last = begun(file)
  const how = hangs ? `it hangs: ${mostOwnSeconds} s of computing` : `the process ended: ${errors.slice(-2000)}`
  return { ...soFar(), failure: { path: last > 0 ? String(last - 1) : '', text: how } }
}

/** What a process has computed, where Linux tells; and the time. */
function secondsOf({ pid }: ChildProcess): { own: number; all: number } {
  const all = performance.now() / 1000
  try {
    // The name, in brackets, may hold spaces; times are in hundredths.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
    return { own: (Number(fields[11]) + Number(fields[12])) / 100, all }
  } catch {
    return { own: 0, all }
  }
}

/** How many cases a process began. */
function begun(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'))
  } catch {
    return 0
  }
}

function growth({ start, end }: { start: number; end: number }): string {
  return `${megabytes(start)} → ${megabytes(end)}`
}

function told({ name, failure }: Row): string {
  const again = failure!.path === '' ? `--cases ${cases}` : `--path ${failure!.path}`
  return `${name} failed; to see it again: npm run fuzz -- --kind '${name}' --seed ${seed} ${again}\n${failure!.text}\n`
}

function finish(): never {
  const cells = rows.map(({ name, cases, sound, failure, seconds, slowest, memory = [] }) => [
    ...[name, String(cases), sound?.toFixed(0) ?? 'stopped', String(seed), failure ? '1' : '0', seconds.toFixed(0)],
    ...[slowest === undefined ? nothing : (1000 * slowest).toFixed(0), ...memory.map(growth)],
  ])
  const columns = ['kind', 'cases', 'sound', 'seed', 'failures', 'seconds', 'slowest ms', 'heap', 'process']
  console.log(markdownTable({ columns, rows: cells.map((row) => columns.map((_, i) => row[i] ?? nothing)) }))
  process.exit(rows.every((it) => it.sound !== undefined && !it.failure) && rows.length === names.length ? 0 : 1)
}
