/**
 * One command, one table: misc-webgpu against its peers on the base model, on one adapter, in one run. README.md says what
 * it needs. Every pair takes turns, so that what else the machine does falls on both; figures are medians.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { median } from 'simple-statistics'
import { fixed } from '../../src/bench/figures.js'
import { randomIds } from '../../src/bench/workload.js'
import { synthesize } from '../../src/cli/synth.js'
import { openGpu } from '../../src/platform/node/open-gpu.js'
import { findSwiftShader } from '../../src/platform/node/swiftshader.js'
import { renderMarkdown, renderText, type Section } from '../../src/plots/section.js'
import { JOINT_PROGRAMS } from '../../src/text/joint-programs.js'
import { type FamilyName, families, isComet, type Peer, type Row, rows } from './rows.js'
import { type CometWork, comet, type FamilyWork, family as familySizes } from './work.js'
import { Worker } from './worker.js'

/** A model that is timed. */
type Subject = 'base' | 'COMET' | FamilyName
const subjectOf = ({ peer, family }: Row): Subject => family ?? (isComet(peer) ? 'COMET' : 'base')
/** The vocabulary of the published BlenderBot-Joint. */
const publishedJoint = { firstAddedId: 54944, tokens: JOINT_PROGRAMS.codes.tokens }

const command = new Command('npm run compare --')
  .description('Times misc-webgpu against its peers, in turns, on one adapter. README.md says what each peer needs.')
  .option('--model <folder>', 'the base model')
  .option('--onnx <folder>', 'its ONNX files, made by export_onnx.py')
  .option('--comet <folder>', 'a COMET-BART')
  .option('--comet-onnx <folder>', 'its ONNX files, made by export_comet_onnx.py')
  .option('--families <folder>', 'where models of the other families lie, or are made')
  .option(
    '--tools <folder>',
    'the PyTorch program',
    fileURLToPath(new URL('../../../shared/tools/peer', import.meta.url)),
  )
  .option('--python <path>', 'a Python with PyTorch', '/usr/bin/python3')
  .option('--adapter <name>', 'what ours runs on', 'lavapipe')
  .option('--dtypes <list>', 'formats beside f32', 'f16,int8')
  .option('--rows <list>', 'ids or families of rows, or "families" (default: those whose folders are given)')
  .option('--turns <number>', 'turns of each pair (default: as each row says)')
  .option('--json <file>', 'write the figures there')
  .option('--markdown <file>', 'write the table there')
  .addHelpText('after', '\nExample: npm run compare -- --families /tmp/families --rows moel --turns 3')
  .parse()
type Folder = 'model' | 'onnx' | 'comet' | 'comet-onnx' | 'families'
type Given = 'model' | 'onnx' | 'comet' | 'cometOnnx' | 'families' | 'rows' | 'turns' | 'json' | 'markdown'
const options = command.opts<
  Partial<Record<Given, string>> & Record<'tools' | 'python' | 'adapter' | 'dtypes', string>
>()
const flags = { ...options, 'comet-onnx': options.cometOnnx }
const wanted = flags.rows?.split(',')
/** What a row may be asked for by: its id, its family, or all families at once. */
const namesOf = ({ id, family }: Row) => [id, ...(family ? [family, 'families'] : [])]
const names = new Set(rows.flatMap(namesOf))
const unknown = wanted?.filter((name) => !names.has(name)) ?? []
if (unknown.length > 0) command.error(`error: no rows ${unknown.join()}: there are ${[...names].join()}`)
/** The base model's rows are asked for where nothing is said, and others where what they need is there. */
const usual = (row: Row) => subjectOf(row) === 'base' || needs(row).every((flag) => flags[flag])
const asked = rows.filter((row) => (wanted ? namesOf(row).some((name) => wanted.includes(name)) : usual(row)))
const needed = new Set(asked.flatMap(needs))
if ([...needed].some((flag) => !flags[flag])) {
  command.error(`error: ${[...needed].map((it) => `--${it} FOLDER`).join(' and ')} are needed: see README.md`)
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

/** One peer after the other, so that no two keep a model in memory; our own process stays as long as the model is the same. */
async function compareAll(): Promise<void> {
  for (const subject of new Set(asked.map(subjectOf))) {
    const rows = asked.filter((row) => subjectOf(row) === subject)
    const f32 = await ours(subject, 'f32')
    try {
      for (const peer of new Set(rows.map((row) => row.peer))) {
        const other = peer === 'self' ? f32 : await startPeer(peer, subject)
        try {
          for (const row of rows.filter((it) => it.peer === peer)) await compareRow(row, subject, f32, other)
        } finally {
          if (other !== f32) other.stop()
        }
      }
    } finally {
      f32.stop()
    }
  }
}

async function compareRow(row: Row, subject: Subject, f32: Worker, other: Worker): Promise<void> {
  try {
    results.push(await compare(row, 'f32', f32, other))
    if (!row.everyDtype) return
    for (const dtype of flags.dtypes.split(',')) {
      const worker = await ours(subject, dtype)
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
  // In other formats these are other weights, which may say something else.
  if (row.agreed && dtype === 'f32') {
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

async function ours(subject: Subject, dtype: string): Promise<Worker> {
  if (subject === 'COMET') {
    return new Worker('misc-webgpu COMET', node('comet.ts', flags.comet!, cometWork(), adapter.name))
  }
  const model = subject === 'base' ? flags.model! : await familyModel(subject)
  return new Worker(`misc-webgpu ${subject} ${dtype}`, node('ours.ts', model, adapter.name, dtype))
}

/** Folders that flags must name. */
function needs({ peer, family }: Row): Folder[] {
  if (family) return ['families']
  if (isComet(peer)) return peer === 'onnxruntime COMET' ? ['comet', 'comet-onnx'] : ['comet']
  return ['model', 'onnx']
}

/** The folder of a family's model; it is made, with synthetic weights, where it is missing. */
async function familyModel(name: FamilyName): Promise<string> {
  const folder = join(flags.families!, name)
  if (existsSync(folder)) return folder
  await synthesize(fileURLToPath(new URL(`../${families[name].config}.json`, import.meta.url)), folder)
  if (name === 'joint') {
    // Its tokens tell it from a plain BlenderBot-small.
    const { firstAddedId, tokens } = publishedJoint
    const added = Object.fromEntries([...tokens, '[CLS]'].map((token, i) => [token, firstAddedId + i]))
    writeFileSync(join(folder, 'added_tokens.json'), JSON.stringify(added))
  }
  return folder
}

/** Ids of a vocabulary, the same in every run. */
function randomIdsOf(model: string): (length: number) => number[] {
  const { vocab_size: size } = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8'))
  return randomIds(1, size)
}

/** The file of what is asked of a COMET. */
function cometWork(): string {
  const draw = randomIdsOf(flags.comet!)
  return workFile({ ...comet, queries: Array.from({ length: comet.queries }, () => draw(comet.ids)) })
}

/** The file of what is asked of a family's model. */
function familyWork(model: string): string {
  return workFile({ ...familySizes, ids: randomIdsOf(model)(familySizes.context) })
}

function workFile(work: CometWork | FamilyWork): string {
  const folder = mkdtempSync(join(tmpdir(), 'misc-peers-'))
  process.once('exit', () => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'work.json'), JSON.stringify(work))
  return join(folder, 'work.json')
}

async function startPeer(peer: Exclude<Peer, 'self'>, subject: Subject): Promise<Worker> {
  const driver: Record<string, string> = icd ? { VK_ICD_FILENAMES: icd, VK_DRIVER_FILES: icd } : {}
  const python = (program: string, ...args: string[]) =>
    new Worker(peer, [flags.python, fileURLToPath(new URL(program, import.meta.url)), ...args])
  if (peer === 'PyTorch COMET') return python('comet_torch.py', flags.comet!, cometWork())
  if (peer === 'PyTorch') {
    if (subject === 'base' || subject === 'COMET') return python('torch_worker.py', flags.tools)
    const model = await familyModel(subject)
    return python('family_torch.py', model, familyWork(model))
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
    'batch 1; medians of runs that took turns; × how many times faster than the peer',
    ...(asked.some((row) => subjectOf(row) === 'base') ? ['base model: context 200, 30 + 20 blocks of 5 ids'] : []),
    ...(asked.some(({ peer }) => isComet(peer))
      ? [
          `COMET: queries of ${comet.ids} ids, tails of at most ${comet.longest - 1}; ours searches for all in one batch, peers one query after another`,
        ]
      : []),
    ...(asked.some(({ family }) => family)
      ? [
          `families: published sizes, made-up weights, ${familySizes.context} ids read, replies of ${familySizes.tokens}; encode with the cross-attention keys and values`,
        ]
      : []),
    'ours draws an id and reads it back, peers stop at the logits; encode of the base model leaves the cross-attention keys and values out',
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
