import type { Command } from 'commander'
import { Comet, type EventTails, type TailOptions } from '../engine/comet.js'
import { usualSearch } from '../engine/comet-folder.js'
import { InputError } from '../errors.js'
import { generationFlags, generationOptions } from './generation-flags.js'
import { type GpuFlags, gpuCommand } from './gpu-command.js'
import { shown, withBars } from './reply-command.js'
import { lineBatches, printLines } from './stdio.js'

const EXAMPLES = `
Tails come best first, each with its score: about the mean log-probability of its ids.
Without --event each line of stdin is an event, and stdout has a JSON document for each:
  {"event": "...", "tails": {"xReact": [{"text": "sad", "score": -0.61}, ...], ...}, "cut": 0}
"cut" counts the ids of the event that the model has no positions for.

Examples:
  misc comet --event "i lost my job"
  misc comet comet-bart/ --event "PersonX loses the keys" --relations xReact,xWant --num-beams 10 --num-return-sequences 3
  misc comet --relations xReact < events.txt > tails.jsonl
`

/** Events that are asked in one batch. */
const EVENTS_AT_ONCE = 16

interface Flags extends GpuFlags, Record<string, unknown> {
  event?: string
  relations?: string[]
  json?: boolean
}

/** `misc comet`: what a COMET infers of events. */
export function cometCommand(): Command {
  const command = gpuCommand('comet')
    .summary('ask a COMET what it infers of an event')
    .description('Commonsense inferences about events (eq. 2 of the paper): tails of relations, by beam search.')
    .argument('[MODEL]', 'a COMET’s folder: COMET-BART, COMET-2019 or comet-mini; default: the packaged comet-mini')
    .option('--event <text>', 'what happened; default: events from stdin, one a line')
    .option('--relations <names>', 'comma-separated or repeated; default: the paper’s nine', names)
    .option('--json', 'print one JSON document for the event')
    .addHelpText('after', EXAMPLES)
  for (const option of generationFlags({ ...usualSearch, maxNewTokens: undefined })) command.addOption(option)
  // A bad value is told before a model is loaded.
  return command.hook('preAction', (it) => void generationOptions(it.opts())).action(run)
}

async function run(model: string | undefined, flags: Flags): Promise<void> {
  const { event, relations, json, adapter, dtype } = flags
  if (event !== undefined && event.trim() === '') throw new InputError('--event: say what happened; it is empty')
  await using comet = await withBars((onProgress) => Comet.load(model, { adapter, dtype, onProgress }))
  const options = { ...generationOptions(flags), relations }
  if (event === undefined) return await askLines(comet, options)
  const [tails] = (await unlessStopped((signal) => comet.tails([event], { ...options, signal }))) ?? []
  if (!tails) return
  await printLines(json ? [JSON.stringify({ ...tails, adapter: comet.adapter.name })] : table(tails))
  if (tails.cut > 0)
    process.stderr.write(`note: the event is longer than the model reads; ids left out: ${tails.cut}\n`)
}

/** Asks of the events that stdin has, as they come. */
async function askLines(comet: Comet, options: TailOptions): Promise<void> {
  for await (const lines of lineBatches(process.stdin)) {
    const events = lines.filter((line) => line.trim() !== '')
    for (let i = 0; i < events.length; i += EVENTS_AT_ONCE) {
      const batch = events.slice(i, i + EVENTS_AT_ONCE)
      const found = await unlessStopped((signal) => comet.tails(batch, { ...options, signal }))
      if (!found) return
      await printLines(found.map((it) => JSON.stringify(it)))
    }
  }
}

/**
 * What the work gives; undefined once Ctrl-C stops it, which sets the exit code: half a search is no answer. While nothing is
 * asked Ctrl-C ends the process, as it does by default.
 */
async function unlessStopped<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
  const stop = new AbortController()
  const onInterrupt = () => stop.abort()
  process.once('SIGINT', onInterrupt)
  const found = await work(stop.signal).finally(() => process.off('SIGINT', onInterrupt))
  if (!stop.signal.aborted) return found
  process.exitCode = 130
  return undefined
}

/** What one `--relations` adds to those before it. */
function names(value: string, before: string[] = []): string[] {
  return [...before, ...value.split(',').map((name) => name.trim())]
}

function table({ tails }: EventTails): string[] {
  return Object.entries(tails).flatMap(([relation, list]) =>
    list.map(
      ({ text, score }, i) => `${(i === 0 ? relation : '').padEnd(12)}${score.toFixed(2).padStart(7)}  ${shown(text)}`,
    ),
  )
}
