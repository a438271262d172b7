import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Command, Option } from 'commander'
import { bench, type SuiteName, suiteNames } from '../bench/bench.js'
import { renderReport } from '../bench/table.js'
import { resolveWorkload, standardWorkload, type Workload } from '../bench/workload.js'
import { readConfig } from '../engine/load-model.js'
import { packagedModel } from '../engine/misc.js'
import { InputError } from '../errors.js'
import { writeWholeFile } from '../io/whole-file.js'
import { type GpuFlags, gpuCommand, withGpu } from './gpu-command.js'
import { packageVersion } from './package.js'
import { progressBar } from './progress.js'

interface BenchFlags extends GpuFlags, Partial<Workload> {
  readonly suite: SuiteName | 'all'
  readonly json?: string | true
}

/** A flag for each number of the workload; what it means, and the standard where the model allows it. */
const workloadFlags: Readonly<Record<keyof Workload, string>> = {
  context: 'ids of the context',
  postBlocks: 'COMET blocks of the post',
  situationBlocks: 'COMET blocks of the situation',
  blockLength: 'ids of each block',
  tokens: 'ids drawn for each reply',
  batch: 'dialogues encoded, and replies drawn, together',
  repetitions: 'timed runs',
  warmups: 'runs before them that do not count',
  seed: 'of the random ids and of the draws',
}

/** `misc bench`. */
export function benchCommand(): Command {
  const command = gpuCommand('bench')
    .summary('time a model: to the first id, per id, and the encoders')
    .description(
      'Times a model on random ids: decode (time to the first id and its parts, time per id with sampling, memory ' +
        'bandwidth used), encode (blocks, context, fusion, cross-attention keys and values) and blocks (COMET blocks ' +
        'per second). Needs no tokenizer files. Progress goes to stderr.',
    )
    .argument('[MODEL]', 'a folder with config.json and weights; default: the packaged model')
    .addOption(new Option('--suite <name>', 'what to time').choices([...suiteNames, 'all']).default('all'))
  for (const [name, help] of Object.entries(workloadFlags) as [keyof Workload, string][]) {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    const option = new Option(`${flag} <n>`, `${help} (default ${standardWorkload[name]})`)
    command.addOption(option.argParser((text: string) => wholeNumber(text, flag)))
  }
  return command
    .option('--json [file]', 'print one JSON document instead of a table, or write it to a file beside the table')
    .addHelpText('after', '\nExamples:\n  misc bench model/\n  misc bench model/ --suite decode --tokens 64 --json')
    .action(async (model: string | undefined, flags: BenchFlags) => {
      await run(...modelAndFile(model, flags.json), flags)
    })
}

async function run(folder: string, json: string | boolean, flags: BenchFlags): Promise<void> {
  const file = typeof json === 'string' ? json : undefined
  if (file && !existsSync(dirname(file))) {
    throw new InputError(`${file}: there is no folder ${dirname(file)}; make it first`)
  }
  // The numbers are checked against the config before anything is loaded.
  const workload = resolveWorkload(flags, await readConfig(folder))
  const asked = performance.now()
  const report = await withGpu(flags, (gpu) =>
    bench(gpu, folder, {
      suites: flags.suite === 'all' ? suiteNames : [flags.suite],
      workload,
      dtype: flags.dtype,
      adapterMs: performance.now() - asked,
      packageVersion,
      progress: progressBar,
    }),
  )
  const document = `${JSON.stringify(report, null, 2)}\n`
  if (file) await writeWholeFile(file, (to) => to.writeFile(document))
  process.stdout.write(json === true ? document : renderReport(report))
}

/** In `bench --json model/` the folder is the model: no folder can be the file to write. */
function modelAndFile(model: string | undefined, json: string | true | undefined): [string, string | boolean] {
  if (typeof json !== 'string' || !statSync(json, { throwIfNoEntry: false })?.isDirectory()) {
    return [model ?? packagedModel, json ?? false]
  }
  if (model === undefined) return [json, true]
  throw new InputError(`--json ${json}: is a folder; name a file to write, or nothing to print`)
}

function wholeNumber(text: string, flag: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw new InputError(`${flag} must be a whole number, got ${JSON.stringify(text)}`)
}
