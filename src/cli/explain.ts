import type { Command } from 'commander'
import type { Engine } from '../engine/load.js'
import { InputError } from '../errors.js'
import { type AnyExplanation, type ReplyDocument, replyDocument } from '../explain/reply-document.js'
import { renderReplyPage } from '../explain/reply-page.js'
import { checkWritable, writeWholeFile } from '../io/whole-file.js'
import { packageVersion } from '../platform/node/packaged.js'
import type { DialogueInput, IdsInput } from '../text/dialogue.js'
import { drawnAgain } from './again.js'
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
  misc explain --input dialogue.json --json | jq '.words[] | [.text, .probability]'
`

interface Flags extends ReplyFlags {
  input?: string
  out?: string
  json?: boolean
}

/** `misc explain`: a reply, and what it came from. */
export function explainCommand(): Command {
  return replyCommand('explain')
    .summary('draw a reply and show what it came from')
    .description('Draws a reply as misc generate does, and shows as a page what the model felt, chose and attended to.')
    .option('--input <file>', 'the dialogue, as JSON; - for stdin')
    .option('--out <file>', 'write the page to this file')
    .option('--json', 'print one JSON document with every number')
    .addHelpText('after', EXAMPLES)
    .action(run)
}

async function run(model: string | undefined, flags: Flags): Promise<void> {
  if (flags.input === undefined) throw new InputError('--input FILE: say which dialogue is to be replied to')
  await explainReply(model, flags, flags.input)
}

/** One reply. */
async function explainReply(model: string | undefined, flags: Flags, file: string): Promise<void> {
  const { out, json } = flags
  if (out === undefined && !json) throw new InputError('name a page to write, --out FILE.html, or ask for --json')
  if (out !== undefined) await checkWritable(out)
  const input = await readInput(file)
  await using engine = await loadWithBars(model, flags)
  const explanation = await explained(engine, input, replyOptions(flags, engine))
  const again = drawnAgain(model, flags, explanation)
  const maker = { title: modelName(engine), model, version: packageVersion, again }
  const document: ReplyDocument = replyDocument(explanation, maker, input)
  if (out !== undefined) {
    const page = renderReplyPage(document, { research: NOTICE, crisis: CRISIS_LINES })
    await writeWholeFile(out, (to) => to.writeFile(page))
    process.stderr.write(`wrote ${out}: ${document.words.length} words, seed ${document.made_with.seed}\n`)
  }
  if (json) await printLines([JSON.stringify(document)])
  const cut = cutInWords(explanation.reply.cut, engine)
  if (cut) process.stderr.write(`note: ${cut}\n`)
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
