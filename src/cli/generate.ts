import type { Command } from 'commander'
import type { Engine } from '../engine/load.js'
import type { LoadTimings } from '../engine/load-options.js'
import { seekerMentionsCrisis } from '../text/crisis.js'
import type { DialogueInput, IdsInput } from '../text/dialogue.js'
import { readInput } from './read-input.js'
import {
  type AnyReply,
  blocksInWords,
  CRISIS_LINES,
  chosenStrategy,
  cutInWords,
  likeliest,
  loadWithBars,
  NOTICE,
  type ReplyFlags,
  replyCommand,
  replyOptions,
  SITUATION_NOTICE,
  shown,
  streamReply,
  unreadNotice,
  writesBlocks,
} from './reply-command.js'
import { print, printLines } from './stdio.js'

const EXAMPLES = `
FILE holds {"situation": "...", "dialogue": [{"speaker": "seeker", "text": "..."}, {"speaker": "supporter", ...}],
"blocks": {"post": [{"relation": "xReact", "tail": "sad"}], "situation": []}}; situation and blocks may be missing.
Blocks are inferences of the commonsense model COMET about the seeker's last post, and about the situation, which takes part
through them alone. Where the file has none, the COMET beside the model writes them (--comet, --no-comet).
Or ids, as misc features prints them: {"ids": {"context": [...], "post": [[...]], "situation": [[...]]}}.

Ctrl-C stops the reply and prints what there is; the exit code is then 130.

Examples:
  misc generate --input dialogue.json
  misc generate model/ --input dialogue.json --seed 1 --top-p 0.9 --json | jq .strategy
  misc generate --input dialogue.json --strategy Question --no-do-sample
  misc generate --input dialogue.json --num-beams 5 --num-return-sequences 3 --json | jq -r '.sequences[] | [.score, .text] | @tsv'
  echo '{"dialogue": [{"speaker": "seeker", "text": "i feel low"}]}' | misc generate --input -
`

interface Flags extends ReplyFlags {
  input: string
  json?: boolean
  transcript?: boolean
}

/** `misc generate`: one reply to a dialogue. */
export function generateCommand(): Command {
  return replyCommand('generate')
    .summary('draw a reply to a dialogue')
    .description('Draws a supportive reply to a dialogue: its text on stdout, strategies and timings on stderr.')
    .requiredOption('--input <file>', 'the dialogue, as JSON; - for stdin')
    .option('--json', 'print one JSON document')
    .option('--transcript', 'show the situation and the dialogue above the reply')
    .addHelpText('after', EXAMPLES)
    .action(run)
}

async function run(model: string | undefined, flags: Flags): Promise<void> {
  const input = await readInput(flags.input)
  // Said at once; a program has `crisis` in the JSON document.
  if (!flags.json && !('ids' in input) && seekerMentionsCrisis(input)) process.stderr.write(`${CRISIS_LINES}\n\n`)
  await using engine = await loadWithBars(model, flags)
  const stop = new AbortController()
  // Only once: a second Ctrl-C ends the process.
  process.once('SIGINT', () => stop.abort())
  const options = { ...replyOptions(flags, engine), signal: stop.signal }
  const unread = 'ids' in input ? undefined : unreadOf(input, engine)
  if (unread) process.stderr.write(`note: ${unread}\n`)
  let reply: AnyReply
  if (flags.json) {
    reply = await engine.reply(input, options)
    await printLines([JSON.stringify(replyJson(reply, engine.loadTimings))])
  } else {
    if (flags.transcript) process.stderr.write(`${NOTICE}\n\n${transcript(input)}\n`)
    reply = await streamReply(engine, input, options, print)
    await print('\n')
    process.stderr.write(report(reply, engine.loadTimings))
  }
  const cut = cutInWords(reply.cut, engine)
  if (cut) process.stderr.write(`note: ${cut}\n`)
  if (reply.finishReason === 'aborted') process.exitCode = 130
}

/** What is said of a situation that no block will be about, or that a model does not read, nor blocks; undefined where all is read. */
function unreadOf({ situation, blocks }: DialogueInput, engine: Engine): string | undefined {
  const writes = writesBlocks(engine)
  if (writes === undefined) return situation === undefined && blocks === undefined ? undefined : unreadNotice(engine)
  if (situation === undefined) return undefined
  return (blocks ? blocks.situation.length === 0 : !writes) ? SITUATION_NOTICE : undefined
}

/**
 * What `misc generate --json` prints. Times are in milliseconds; null where there were too few ids to time. `score` is there with
 * beams, and `sequences` where more than the best was asked for.
 */
function replyJson(reply: AnyReply, load: LoadTimings) {
  const { text, ids, strategy, finishReason, score, sequences, blocks, cut, crisis, timings, adapter, seed } = reply
  const { readMs, encodeMs, firstTokenMs, perTokenMs } = timings
  const loadMs = { adapter: load.adapterMs, weights: load.weightsMs, compile: load.compileMs, comet: load.cometMs }
  return {
    text,
    ids,
    ...((blocks ?? strategy) && { strategy: strategy ?? null }),
    ...('emotion' in reply && { emotion: reply.emotion ?? null, listeners: reply.listeners }),
    finish_reason: finishReason,
    score,
    sequences: sequences?.map(({ finishReason: finish_reason, ...it }) => ({ ...it, finish_reason })),
    blocks,
    cut,
    crisis,
    timings: {
      read_ms: readMs,
      encode_ms: encodeMs,
      first_token_ms: firstTokenMs,
      per_token_ms: perTokenMs,
      load_ms: loadMs,
    },
    adapter,
    seed,
  }
}

function transcript(input: DialogueInput | IdsInput): string {
  if ('ids' in input) return `${input.ids.context.length} ids\n`
  const { situation, dialogue, blocks } = input
  const count = (blocks?.post.length ?? 0) + (blocks?.situation.length ?? 0)
  return [
    ...(situation === undefined ? [] : [`situation: ${shown(situation)}`]),
    ...(count > 0 ? [`with ${count} commonsense blocks`] : []),
    '',
    ...dialogue.map(({ speaker, text }) => `${speaker}: ${shown(text)}`),
    '',
    'reply:',
  ].join('\n')
}

function strategies(strategy: NonNullable<AnyReply['strategy']>): string {
  const chosen = chosenStrategy(strategy)
  return `${chosen ? `${chosen}, of ` : ''}${likeliest(strategy, 3)}`
}

function report(reply: AnyReply, load: LoadTimings): string {
  const { ids, strategy, finishReason, score, blocks, timings, adapter, seed } = reply
  const { readMs, encodeMs, firstTokenMs, perTokenMs } = timings
  const ms = (value: number) => (Number.isNaN(value) ? '-' : `${value.toFixed(value < 100 ? 1 : 0)} ms`)
  const lines = [
    ...((blocks ?? strategy) ? [['strategies', strategy ? strategies(strategy) : '-']] : []),
    ...(blocks ? [['blocks', blocksInWords(blocks)]] : []),
    ...('emotion' in reply ? [['emotions', reply.emotion ? likeliest(reply.emotion, 3) : '-']] : []),
    ['ended by', `${finishReason}, after ${ids.length} ids; seed ${seed}`],
    ...(score === undefined ? [] : [['score', `${score.toFixed(4)}, the best that the beams found`]]),
    [
      'timings',
      `read ${ms(readMs)}, encode ${ms(encodeMs)}, first id ${ms(firstTokenMs)}, then ${ms(perTokenMs.median)} each`,
    ],
    [
      'loading',
      `adapter ${ms(load.adapterMs)}, weights ${ms(load.weightsMs)}, compiling ${ms(load.compileMs)}, COMET ${ms(load.cometMs)}`,
    ],
    ['adapter', adapter],
  ]
  return `\n${lines.map(([name, value]) => `${name!.padEnd(12)}${value}\n`).join('')}`
}
