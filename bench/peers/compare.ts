/**
 * One command, one table: misc-webgpu against its peers on the base model, on one adapter, in one run. README.md says what
 * it needs. Every pair takes turns, so that what else the machine does falls on both; figures are medians.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from 'simple-statistics'
import { fixed } from '../../src/bench/figures.js'
import { renderMarkdown, renderText, type Section } from '../../src/bench/section.js'
import { randomIds } from '../../src/bench/workload.js'
import { InputError } from '../../src/errors.js'
import { openGpu } from '../../src/platform/node/open-gpu.js'
import { findSwiftShader } from '../../src/platform/node/swiftshader.js'
import { isComet, type Peer, type Row, rows } from './rows.js'
import { type CometWork, comet } from './work.js'
import { Worker } from './worker.js'

const { values: flags } = parseArgs({
  options: {
    model: { type: 'string' },
    onnx: { type: 'string' },
    comet: { type: 'string' },
    'comet-onnx': { type: 'string' },
    tools: { type: 'string', default: fileURLToPath(new URL('../../../shared/tools/peer', import.meta.url)) },
    python: { type: 'string', default: '/usr/bin/python3' },
    adapter: { type: 'string', default: 'lavapipe' },
    dtypes: { type: 'string', default: 'f16,int8' },
    rows: { type: 'string' },
    turns: { type: 'string' },
    json: { type: 'string' },
    markdown: { type: 'string' },
  },
})
const wanted = flags.rows?.split(',')
const unknown = wanted?.filter((id) => !rows.some((row) => row.id === id)) ?? []
if (unknown.length > 0) throw new InputError(`no rows ${unknown.join()}: there are ${rows.map((row) => row.id).join()}`)
const asked = rows.filter(
  ({ id, peer }) => wanted?.includes(id) ?? (!isComet(peer) || needs(peer).every((flag) => flags[flag])),
)
const needed = new Set(asked.flatMap(({ peer }) => needs(peer)))
if ([...needed].some((flag) => !flags[flag])) {
  throw new InputError(`${[...needed].map((it) => `--${it} FOLDER`).join(' and ')} are needed: see README.md`)
}

/** What a row came to. */
interface Result {
  readonly row: Row
  readonly dtype: string
  /** Medians of milliseconds, and their ratio: how many times faster we are. */
  readonly ours: number
  readonly peer: number
  readonly ratio: number
}

const { adapter, icd } = await describeAdapter()
const results: Result[] = []
const failures: string[] = []
const loadBefore = loadavg()[0]!
// Who ends it early gets the rows that are done.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => finish())
await compareAll()
finish()

function finish(): never {
  const section = describe()
  process.stdout.write(renderText([section]))
  if (flags.markdown) writeFileSync(flags.markdown, renderMarkdown([section]))
  if (flags.json) writeFileSync(flags.json, `${JSON.stringify(report(section), null, 2)}\n`)
  process.exit(failures.length > 0 ? 1 : 0)
}

/** The adapter as we call it; and the driver that makes other programs find no other. */
async function describeAdapter() {
  const gpu = await openGpu({ adapter: flags.adapter })
  const info = gpu.adapter
  await gpu.dispose()
  return { adapter: info, icd: info.source === 'swiftshader' ? (await findSwiftShader())?.icd : undefined }
}

/** One peer after the other, so that no two keep a model in memory; our own process stays. */
async function compareAll(): Promise<void> {
  for (const [rows, start] of [
    [asked.filter(({ peer }) => !isComet(peer)), () => ours('f32')],
    [asked.filter(({ peer }) => isComet(peer)), oursOfComet],
  ] as const) {
    if (rows.length === 0) continue
    const f32 = start()
    try {
      for (const peer of new Set(rows.map((row) => row.peer))) {
        const other = peer === 'self' ? f32 : startPeer(peer)
        try {
          for (const row of rows.filter((it) => it.peer === peer)) await compareRow(row, f32, other)
        } finally {
          if (other !== f32) other.stop()
        }
      }
    } finally {
      f32.stop()
    }
  }
}

async function compareRow(row: Row, f32: Worker, other: Worker): Promise<void> {
  try {
    results.push(await compare(row, 'f32', f32, other))
    if (!row.everyDtype) return
    for (const dtype of flags.dtypes.split(',')) {
      const worker = ours(dtype)
      try {
        results.push(await compare(row, dtype, worker, other))
      } finally {
        worker.stop()
      }
    }
  } catch (error) {
    failures.push(`${row.id}: ${(error as Error).message}`)
    process.stderr.write(`${failures.at(-1)}\n`)
  }
}

/** A B A B, after each has prepared and warmed up. */
async function compare(row: Row, dtype: string, a: Worker, b: Worker): Promise<Result> {
  const [task, peerTask] = [row.task, row.peerTask ?? row.task]
  await a.ask(task, 0)
  await b.ask(peerTask, 0)
  if (row.agreed) {
    const [said, other] = [JSON.stringify(await a.say(row.agreed)), JSON.stringify(await b.say(row.agreed))]
    if (said !== other) throw new Error(`${row.agreed}: ours says ${said}, ${row.peer} says ${other}`)
  }
  const times: [number[], number[]] = [[], []]
  const turns = Number(flags.turns ?? row.turns)
  for (let turn = 0; turn < turns; turn++) {
    times[0].push(...(await a.ask(task, row.runs[0])))
    times[1].push(...(await b.ask(peerTask, row.runs[1])))
    process.stderr.write(`${row.id}, ${dtype}: turn ${turn + 1} of ${turns}\n`)
  }
  const [ours, peer] = times.map(median) as [number, number]
  return { row, dtype, ours, peer, ratio: peer / ours }
}

function node(file: string, ...args: string[]): string[] {
  return [process.execPath, '--import', 'tsx', fileURLToPath(new URL(file, import.meta.url)), ...args]
}

function ours(dtype: string): Worker {
  return new Worker(`misc-webgpu ${dtype}`, node('ours.ts', flags.model!, adapter.name, dtype))
}

function oursOfComet(): Worker {
  return new Worker('misc-webgpu COMET', node('comet.ts', flags.comet!, cometWork(), adapter.name))
}

/** Folders that flags must name. */
function needs(peer: Peer): ('model' | 'onnx' | 'comet' | 'comet-onnx')[] {
  if (isComet(peer)) return peer === 'onnxruntime COMET' ? ['comet', 'comet-onnx'] : ['comet']
  return ['model', 'onnx']
}

/** The file of what is asked of a COMET: random ids, the same in every run. */
function cometWork(): string {
  const { vocab_size: size } = JSON.parse(readFileSync(join(flags.comet!, 'config.json'), 'utf8'))
  const draw = randomIds(1, size)
  const work: CometWork = { ...comet, queries: Array.from({ length: comet.queries }, () => draw(comet.ids)) }
  const folder = mkdtempSync(join(tmpdir(), 'misc-peers-'))
  process.once('exit', () => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'work.json'), JSON.stringify(work))
  return join(folder, 'work.json')
}

function startPeer(peer: Exclude<Peer, 'self'>): Worker {
  const driver: Record<string, string> = icd ? { VK_ICD_FILENAMES: icd, VK_DRIVER_FILES: icd } : {}
  if (peer === 'PyTorch') {
    return new Worker(peer, [flags.python, fileURLToPath(new URL('torch_worker.py', import.meta.url)), flags.tools])
  }
  if (peer === 'PyTorch COMET') {
    const program = fileURLToPath(new URL('comet_torch.py', import.meta.url))
    return new Worker(peer, [flags.python, program, flags.comet!, cometWork()])
  }
  if (peer === 'onnxruntime COMET') {
    return new Worker(peer, node('comet_onnxruntime.ts', flags['comet-onnx']!, cometWork(), 'webgpu'), driver)
  }
  if (peer === 'tfjs webgpu') return new Worker(peer, node('tensorflow.ts', adapter.name), driver)
  return new Worker(peer, node('onnxruntime.ts', flags.onnx!, peer.split(' ')[1]!), driver)
}

/** Rows in f16 and int8 have a gate of their own: `misc validate --data`. */
function describe(): Section {
  const machine = `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, load average ${fixed(loadBefore)} before and ${fixed(loadavg()[0]!)} after`
  const notes = [
    `adapter ${adapter.driver}`,
    machine,
    'base model, context 200, 30 + 20 blocks of 5 ids, batch 1; medians of runs that took turns; × how many times faster than the peer',
    ...(asked.some(({ peer }) => isComet(peer))
      ? [
          `COMET: queries of ${comet.ids} ids, tails of at most ${comet.longest - 1}; ours searches for all in one batch, peers one query after another`,
        ]
      : []),
    'ours draws an id and reads it back, peers stop at the logits; encode leaves the cross-attention keys and values out',
    ...failures.map((it) => `failed: ${it}`),
  ]
  const cells = results.map(({ row, dtype, ours, peer, ratio }) => [
    row.what.replace(/f32$/, dtype),
    row.against,
    `${fixed(row.figure(ours))} ${row.unit}`,
    `${fixed(row.figure(peer))} ${row.unit}`,
    `${fixed(ratio)} ×`,
  ])
  const columns = ['what', 'against', 'ours', 'peer', 'ratio']
  return { title: `Peers on the same work: ${adapter.name}`, notes, table: { names: 2, columns, rows: cells } }
}

function report(section: Section) {
  return {
    ...{ adapter, cpu: cpus()[0]?.model, load_average: [loadBefore, loadavg()[0]], failures, section },
    rows: results.map(({ row, dtype, ours, peer, ratio }) => ({
      ...{ id: row.id, what: row.what, against: row.against, dtype, ours_ms: ours, peer_ms: peer, ratio },
      ...{ ours: row.figure(ours), peer: row.figure(peer), unit: row.unit },
      ...{ at_least: row.least ?? null, aim: row.aim ?? null },
    })),
  }
}
