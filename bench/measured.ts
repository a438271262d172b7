/**
 * Every figure that README shows, from one command: `npm run bench:readme -- --base FOLDER [--onnx FOLDER]`. Writes
 * docs/measured.md, and its first table into README between the marks. Each step is a command of its own, keeps its report in
 * bench/results, and can be repeated alone: `--steps base-lavapipe,peers-lavapipe`; the tables are made of what lies there.
 *
 * --base: the base model (`misc synth bench/misc-base-released.json FOLDER`); --onnx: see bench/peers/README.md.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { fixed, percent } from '../src/bench/figures.js'
import type { BenchReport } from '../src/bench/report.js'
import { InputError } from '../src/errors.js'
import { renderMarkdown, type Section } from '../src/plots/section.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const results = join(root, 'bench/results')
const marks = ['<!-- measured: npm run bench:readme -->', '<!-- /measured -->'] as const
const mini = 'weights/misc-mini'
const { values: flags } = parseArgs({
  options: { base: { type: 'string' }, onnx: { type: 'string' }, steps: { type: 'string' } },
})
const [base, onnx] = [flags.base, flags.onnx].map((folder) => folder && resolve(folder))

/** A command whose report is kept under the step's name. */
interface Step {
  readonly name: string
  readonly command: readonly string[]
  /** In which folder, and what it needs; without it the step is left out. */
  readonly folder: string
  readonly needs?: string | undefined
}

const bench = (name: string, model: string | undefined, adapter: string, ...more: string[]): Step => ({
  ...{ name, needs: model, folder: root },
  command: ['dist/cli/main.js', 'bench', model ?? '', '--suite', 'decode', '--adapter', adapter, ...more],
})
const peers = (name: string, adapter: string, ...more: string[]): Step => ({
  ...{ name, needs: base && onnx, folder: join(root, 'bench/peers') },
  command: [
    '--import',
    'tsx',
    'compare.ts',
    '--model',
    base ?? '',
    '--onnx',
    onnx ?? '',
    '--adapter',
    adapter,
    ...more,
  ],
})
const steps: readonly Step[] = [
  bench('mini-lavapipe', mini, 'lavapipe'),
  bench('mini-swiftshader', mini, 'swiftshader'),
  bench('base-lavapipe', base, 'lavapipe'),
  bench('base-lavapipe-f16', base, 'lavapipe', '--dtype', 'f16'),
  bench('base-lavapipe-int8', base, 'lavapipe', '--dtype', 'int8'),
  bench('base-swiftshader', base, 'swiftshader', '--repetitions', '2'),
  peers('peers-lavapipe', 'lavapipe'),
  peers(
    'peers-swiftshader',
    'swiftshader',
    '--rows',
    // onnxruntime's encode takes over five minutes a run there.
    'decode,decode-cpu,decode-torch,encode-torch',
    '--turns',
    '1',
  ),
]

const wanted = flags.steps?.split(',')
const unknown = wanted?.filter((name) => !steps.some((step) => step.name === name)) ?? []
if (unknown.length > 0)
  throw new InputError(`no steps ${unknown.join()}: there are ${steps.map((it) => it.name).join()}`)

mkdirSync(results, { recursive: true })
mkdirSync(join(root, 'docs'), { recursive: true })
for (const step of steps) if (!wanted || wanted.includes(step.name)) run(step)
write()

function run({ name, command, folder, needs }: Step): void {
  if (!needs) return void process.stderr.write(`${name}: left out, --base and --onnx say where its files are\n`)
  process.stderr.write(`${name}\n`)
  const output = ['--json', reportFile(name)]
  const { status } = spawnSync(process.execPath, [...command, ...output], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  // 1: some rows could not be measured; what could is in the report.
  if (status !== 0) process.stderr.write(`${name} ended with ${status}\n`)
}

function write(): void {
  const reports = steps.flatMap(({ name }) => (name.startsWith('peers') ? [] : (read<BenchReport>(name) ?? [])))
  const comparisons = steps.flatMap(({ name }) =>
    name.startsWith('peers') ? (read<{ section: Section }>(name) ?? []) : [],
  )
  const sections = [...(reports.length > 0 ? [ourSection(reports)] : []), ...comparisons.map((it) => it.section)]
  const text = renderMarkdown(sections)
  writeFileSync(join(root, 'docs/measured.md'), `# Measured\n\n\`npm run bench:readme\` writes this page.\n\n${text}`)
  const readme = join(root, 'README.md')
  const [before, rest] = readFileSync(readme, 'utf8').split(marks[0])
  const after = rest?.split(marks[1])[1]
  if (after === undefined) throw new InputError(`README.md: the marks ${marks.join(' and ')} are missing`)
  writeFileSync(readme, `${before}${marks[0]}\n\n${text.replace(/^## /gm, '### ')}\n${marks[1]}${after}`)
}

function ourSection(reports: readonly BenchReport[]): Section {
  const { machine, workload: w } = reports[0]!
  const rows = reports.map((report) => {
    const decode = report.suites.decode!
    const { read_bandwidth: read } = report.ceilings
    return [
      `${report.model.folder === mini ? 'misc-mini' : 'base'}, ${report.model.variant}, ${report.dtype}`,
      report.adapter.name,
      fixed(decode.ttft_ms.p50),
      fixed(decode.tpot_ms.p50),
      fixed(decode.itl_ms.p95),
      fixed(decode.decode_tokens_per_s),
      `${percent(decode.mbu)} of ${fixed(read.gb_per_s)} GB/s`,
    ]
  })
  return {
    title: 'misc bench --suite decode',
    notes: [
      `${new Date().toISOString().slice(0, 10)}; ${machine.cpu}, ${machine.cores} cores; ${[...new Set(reports.map((it) => it.adapter.driver))].join('; ')}.`,
      `Milliseconds, medians; context ${[...new Set(reports.map((it) => it.workload.context))].join(' or ')} ids, as far as a model takes them, ${w.post_blocks} + ${w.situation_blocks} blocks of ${w.block_length} ids, ${w.tokens} ids a reply, batch 1, sampling included.`,
    ],
    table: {
      names: 2,
      columns: ['model', 'adapter', 'first id, warm', 'per id', 'between ids, p95', 'ids/s', 'bandwidth used (MBU)'],
      rows,
    },
  }
}

/** What a step wrote, if it ever ran. */
function read<T>(name: string): T | undefined {
  return existsSync(reportFile(name)) ? (JSON.parse(readFileSync(reportFile(name), 'utf8')) as T) : undefined
}

function reportFile(name: string): string {
  return join(results, `${name}.json`)
}
