import type { Command } from 'commander'
import { Comet } from '../engine/comet.js'
import type { Engine } from '../engine/load.js'
import { InputError } from '../errors.js'
import { type AnyExplanation, replyDocument } from '../explain/reply-document.js'
import { renderReplyPage } from '../explain/reply-page.js'
import { renderTailsPage, tailsDocument } from '../explain/tails-page.js'
import { isOptionName } from '../generation/options.js'
import { checkWritable, writeWholeFile } from '../io/whole-file.js'
import { packageVersion } from '../platform/node/packaged.js'
import type { DialogueInput, IdsInput } from '../text/dialogue.js'
import { askedAgain, drawnAgain } from './again.js'
import { addExplainDataOptions, EXPLAIN_DATA_EXAMPLES, type ExplainDataFlags, explainData } from './explain-data.js'
import { flagOf, generationOptions } from './generation-flags.js'
import { progressBar } from './progress.js'
import { readInput } from './read-input.js'
import {
  type AnyOptions,
  CRISIS_LINES,
  cutInWords,
  loadWithBars,
  modelName,
  NOTICE,
  type ReplyFlags,
  replyCommand,
  replyOptions,
  withBars,
} from './reply-command.js'
import { printLines } from './stdio.js'

const EXAMPLES = `
FILE holds a dialogue, as misc generate --help describes it. {"reply": {"strategy": "Question", "text": "..."}} in it is what the
supporter truly said: it is shown beside what the model drew, and no model reads it.

The page needs no network. It shows the dialogue and the reply; strategies; how sure the model was of every word; and of MISC how
much each of its four sources gave a word, and which words and blocks it looked at. --json has every number that is drawn.

Examples:
  misc explain --input dialogue.json --out reply.html
  misc explain model/ --input dialogue.json --seed 5 --strategy Question --out reply.html
  misc explain --event "i lost my job" --out tails.html
  misc explain --input dialogue.json --json | jq '.words[] | [.text, .probability]'
`

interface Flags extends ReplyFlags {
  input?: string
  event?: string
  out?: string
  json?: boolean
}

/** Flags of a whole split alone, but for those that all of `misc explain` has. */
type DataFlags = Pick<ExplainDataFlags, 'split' | 'limit' | 'with' | 'rows'> & { readonly data?: string }

/** `misc explain`: a reply, what is inferred of an event, or the strategies of a split, and what they came from. */
export function explainCommand(): Command {
  const command = replyCommand('explain')
    .summary('show what a reply came from, or what strategies a split gets')
    .description(
      'Draws a reply as misc generate does, and shows as a page what the model felt, chose and attended to. With --data: which ' +
        'strategies models predict for a whole split of a data set.',
    )
    .option('--input <file>', 'the dialogue, as JSON; - for stdin')
    .option(
      '--event <text>',
      'ask a COMET, MODEL, of this event, and show its tails as trees; default MODEL: comet-mini',
    )
  return addExplainDataOptions(command)
    .option('--out <file>', 'write the page to this file')
    .option('--json', 'print one JSON document with every number')
    .addHelpText('after', `${EXAMPLES}${EXPLAIN_DATA_EXAMPLES}`)
    .action(run)
}

async function run(
  model: string | undefined,
  { data, split, limit, with: others, rows, ...flags }: Flags & DataFlags,
): Promise<void> {
  const { input, event, out, json } = flags
  const asked = Object.entries({ '--input': input, '--event': event, '--data': data }).filter(
    ([, it]) => it !== undefined,
  )
  if (asked.length > 1) throw new InputError(`${asked.map(([name]) => name).join(' and ')}: give one of them`)
  const ofData = {
    ...(limit !== undefined && { limit }),
    ...(others && { with: others }),
    ...(rows !== undefined && { rows }),
  }
  if (data !== undefined) return explainSplit(model, flags, { data, split, ...ofData })
  const strange = Object.keys(ofData)[0]
  if (strange !== undefined) throw new InputError(`${flagOf(strange)} is for whole splits: give --data too`)
  if (out === undefined && !json) throw new InputError('name a page to write, --out FILE.html, or ask for --json')
  if (out !== undefined) await checkWritable(out)
  if (event !== undefined) await explainEvent(model, flags, event)
  else if (input !== undefined) await explainReply(model, flags, input)
  else {
    throw new InputError(
      '--input FILE: say which dialogue is to be replied to; or of a COMET --event TEXT, or of a whole split --data DIR',
    )
  }
}

/** What models predict for a split: no reply is drawn, so nothing is taken that says how. */
async function explainSplit(
  model: string | undefined,
  { adapter, dtype, out, json, ...others }: Flags,
  ofData: Pick<ExplainDataFlags, 'data' | 'split' | 'limit' | 'with' | 'rows'>,
): Promise<void> {
  const strange = Object.keys(others)[0]
  if (strange !== undefined) throw new InputError(`${flagOf(strange)}: no reply is drawn for --data; leave it out`)
  const given = {
    ...(adapter !== undefined && { adapter }),
    ...(dtype && { dtype }),
    ...(out !== undefined && { out }),
  }
  await explainData(model, { ...ofData, ...given, ...(json && { json }) })
}

/** One reply. */
async function explainReply(model: string | undefined, flags: Flags, file: string): Promise<void> {
  const input = await readInput(file)
  await using engine = await loadWithBars(model, flags)
  const explanation = await explained(engine, input, replyOptions(flags, engine))
  const again = drawnAgain(model, flags, explanation)
  const document = replyDocument(
    explanation,
    { title: modelName(engine), model, version: packageVersion, again },
    input,
  )
  const page = () => renderReplyPage(document, { research: NOTICE, crisis: CRISIS_LINES })
  await write(flags, document, page, `${document.words.length} words, seed ${document.made_with.seed}`)
  const cut = cutInWords(explanation.reply.cut, engine)
  if (cut) process.stderr.write(`note: ${cut}\n`)
}

/** What a COMET infers of one event. */
async function explainEvent(model: string | undefined, flags: Flags, event: string): Promise<void> {
  const { adapter, dtype, input: _, out: __, json: ___, event: ____, ...others } = flags
  const strange = Object.keys(others).find((name) => !isOptionName(name))
  if (strange !== undefined) throw new InputError(`${flagOf(strange)}: a COMET has no such option`)
  await using comet = await withBars((onProgress) => Comet.load(model, { adapter, dtype, onProgress }))
  using _bar = progressBar('looking for tails, and going through them once more', 1, 'event')
  const found = await comet.explain(event, generationOptions(others))
  const title = { 'comet-bart': 'COMET-BART', 'comet-2019': 'COMET-2019', 'comet-mini': 'comet-mini' }[comet.kind]
  const maker = { title, model, version: packageVersion, again: askedAgain(model, found) }
  const document = tailsDocument(found, maker)
  await write(flags, document, () => renderTailsPage(document, NOTICE), `${Object.keys(found.trees).length} relations`)
  if (found.cut > 0)
    process.stderr.write(`note: the event is longer than the model reads; ids left out: ${found.cut}\n`)
}

/** The page, and the document, where they are asked for. */
async function write({ out, json }: Flags, document: object, page: () => string, what: string): Promise<void> {
  if (out !== undefined) {
    await writeWholeFile(out, (to) => to.writeFile(page()))
    process.stderr.write(`wrote ${out}: ${what}\n`)
  }
  if (json) await printLines([JSON.stringify(document)])
}

/** Of a model of any family. */
async function explained(
  engine: Engine,
  input: DialogueInput | IdsInput,
  options: AnyOptions,
): Promise<AnyExplanation> {
  using _ = progressBar('drawing a reply, and going through it once more', 1, 'reply')
  return await engine.explain(input, options)
}
