import { statSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type BenchOptions, bench, type SuiteName, standardSuites, suiteNames } from '../bench/bench.js'
import { renderPage } from '../bench/page.js'
import { reportSections } from '../bench/sections.js'
import { resolveWorkload, standardWorkload, type Workload } from '../bench/workload.js'
import { describeFolder } from '../engine/load-model.js'
import { InputError } from '../errors.js'
import { checkWritable, writeWholeFile } from '../io/whole-file.js'
import { packageVersion } from '../platform/node/packaged.js'
import { packagedModel } from '../platform/node/packaged-model.js'
import { renderMarkdown, renderText } from '../plots/section.js'
import { type GpuFlags, gpuCommand, withGpu } from './gpu-command.js'
import { progressBar } from './progress.js'

interface BenchFlags extends GpuFlags, Partial<Workload> {
  readonly suite: readonly SuiteChoice[]
  readonly comet?: string
  readonly scaling?: true
  readonly json?: string | true
  readonly markdown?: string
  readonly html?: string
}

type SuiteChoice = SuiteName | 'all'
const suiteChoices: readonly SuiteChoice[] = [...suiteNames, 'all']
const byDefault: readonly SuiteChoice[] = ['all']

/** A flag for each number of the workload; what it means, and the standard where the model allows it. */
const workloadFlags: Readonly<Record<keyof Workload, string>> = {
  context: 'ids of the context, or of whatever text MODEL reads',
  postBlocks: 'COMET blocks of the post',
  situationBlocks: 'COMET blocks of the situation',
  blockLength: 'ids of each block',
  tokens: 'ids drawn for each reply',
  batch: 'inputs encoded, and replies drawn, together',
  repetitions: 'timed runs',
  warmups: 'runs before them that do not count',
  seed: 'of the random ids and of the draws',
}

/** `misc bench`. */
export function benchCommand(): Command {
  const command = gpuCommand('bench')
    .summary('time a model: to the first id, per id, and the encoders')
    .description(
      'Times a model of any family on random ids: encode (what comes before the first id; MISC’s blocks, context, fusion, ' +
        'cross-attention keys and values), decode (time to the first id and its parts, time per id with sampling, memory ' +
        'bandwidth used), both beside what the adapter reads and computes at best; and scaling (what longer contexts, more ' +
        'blocks and larger batches cost). Of MISC alone: kernels (every variant at the model’s shapes), blocks (COMET blocks ' +
        'per second), and pipeline (a chat turn from bare text to the first word, with the COMET that writes its blocks, and ' +
        'with the blocks given), which alone needs tokenizer files. Progress goes to stderr.',
    )
    .argument('[MODEL]', 'a folder with config.json and weights; default: the packaged model')
    .addOption(
      new Option(
        '--suite <names>',
        `what to time, comma-separated or repeated: ${suiteChoices.join(', ')}; all is all but scaling, of those that MODEL has a part in, and pipeline only where it has a COMET`,
      )
        .argParser(addSuites)
        .default(byDefault, 'all'),
    )
    .option('--scaling', 'time scaling too')
    .option('--comet <folder>', 'who writes the blocks in pipeline; default: the folder comet in MODEL, if any')
  for (const [name, help] of Object.entries(workloadFlags) as [keyof Workload, string][]) {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    const option = new Option(`${flag} <n>`, `${help} (default ${standardWorkload[name]})`)
    command.addOption(option.argParser((text: string) => wholeNumber(text, flag)))
  }
  return command
    .option('--json [file]', 'print one JSON document instead of a table, or write it to a file beside the table')
    .option('--markdown <file>', 'write the tables as Markdown')
    .option('--html <file>', 'write a page with tables and plots, to be viewed without a network')
    .addHelpText(
      'after',
      '\nExamples:\n  misc bench model/\n  misc bench moel/ --suite decode,encode\n  misc bench model/ --suite decode,encode --tokens 64 --json\n' +
        '  misc bench model/ --scaling --html bench.html --markdown bench.md --json bench.json',
    )
    .action(async (model: string | undefined, flags: BenchFlags) => {
      await run(...modelAndFile(model, flags.json), flags)
    })
}

async function run(folder: string, json: string | boolean, flags: BenchFlags): Promise<void> {
  const jsonFile = typeof json === 'string' ? json : undefined
  // Hours may pass before a file is written.
  for (const file of [jsonFile, flags.markdown, flags.html]) if (file !== undefined) await checkWritable(file)
  // The numbers are checked against the config before anything is loaded.
  const workload = resolveWorkload(flags, await describeFolder(folder))
  const asked = performance.now()
  const report = await withGpu(flags, (gpu) =>
    bench(gpu, folder, {
      ...suitesOf(flags),
      comet: flags.comet,
      workload,
      dtype: flags.dtype,
      adapterMs: performance.now() - asked,
      packageVersion,
      progress: progressBar,
    }),
  )
  const document = `${JSON.stringify(report, null, 2)}\n`
  const sections = reportSections(report)
  const files = [
    [jsonFile, () => document],
    [flags.markdown, () => renderMarkdown(sections)],
    [flags.html, () => renderPage(report)],
  ] as const
  try {
    for (const [file, render] of files) {
      if (file === undefined) continue
      const text = await render()
      await writeWholeFile(file, (to) => to.writeFile(text))
    }
  } finally {
    process.stdout.write(json === true ? document : renderText(sections))
  }
}

/** In `bench --json model/` the folder is the model: no folder can be the file to write. */
function modelAndFile(model: string | undefined, json: string | true | undefined): [string, string | boolean] {
  if (typeof json !== 'string' || !statSync(json, { throwIfNoEntry: false })?.isDirectory()) {
    return [model ?? packagedModel(), json ?? false]
  }
  if (model === undefined) return [json, true]
  throw new InputError(`--json ${json}: is a folder; name a file to write, or nothing to print`)
}

/** What `all` stands for; one that it alone asks for may be left out. */
function suitesOf({ suite, scaling }: BenchFlags): Pick<BenchOptions, 'suites' | 'optional'> {
  const named = suite.filter((it) => it !== 'all')
  const all = suite.includes('all') ? standardSuites : []
  const suites = new Set([...all, ...named, ...(scaling ? ['scaling' as const] : [])])
  return { suites: [...suites], optional: all.filter((it) => !named.includes(it)) }
}

/** What one `--suite` adds to those before it; the default is not one of them. */
function addSuites(text: string, earlier: readonly SuiteChoice[]): readonly SuiteChoice[] {
  const named = text.split(',').map((word) => {
    const suite = suiteChoices.find((name) => name === word)
    if (!suite) throw new InvalidArgumentError(`Allowed choices are ${suiteChoices.join(', ')}.`)
    return suite
  })
  return earlier === byDefault ? named : [...earlier, ...named]
}

function wholeNumber(text: string, flag: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw new InputError(`${flag} must be a whole number, got ${JSON.stringify(text)}`)
}
