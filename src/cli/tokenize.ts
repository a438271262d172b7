import { Command } from 'commander'
import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { Tokenizer } from '../text/tokenizer.js'
import { lineBatches, printLines } from './stdio.js'

const EXAMPLES = `
Reads text from stdin, a line at a time, and prints the ids of each and what they decode to.

Examples:
  echo "Hi, how are you?" | misc tokenize MODEL
  misc tokenize MODEL --json < lines.txt > ids.jsonl
  echo '"two\\nlines"' | misc tokenize MODEL --stdin-json --json
`

/** `misc tokenize MODEL_OR_TOKENIZER`: lines in, ids and decoded text out. */
export const tokenizeCommand = (): Command =>
  new Command('tokenize')
    .description('print the ids of each line of stdin and the text they decode to')
    .argument('<MODEL_OR_TOKENIZER>', 'a folder with vocab.json and merges.txt, or tokenizer.json')
    .option('--json', 'print {text, ids, decoded} as a JSON line each')
    .option('--stdin-json', 'each input line is a JSON string, which may hold newlines')
    .addHelpText('after', EXAMPLES)
    .action(run)

async function run(folder: string, options: { json?: boolean; stdinJson?: boolean }): Promise<void> {
  const tokenizer = await Tokenizer.load(folder)
  let count = 0
  for await (const lines of lineBatches(process.stdin)) {
    const texts = lines.map((line) => (options.stdinJson ? parsed(line, ++count) : line))
    const ids = await tokenizer.encodeBatch(texts)
    const rows = texts.map((text, index) => ({ text, ids: ids[index]!, decoded: tokenizer.decode(ids[index]!) }))
    await printLines(rows.map((row) => (options.json ? JSON.stringify(row) : `${row.ids.join(' ')}\t${row.decoded}`)))
  }
}

function parsed(line: string, number: number): string {
  let text: unknown
  try {
    text = JSON.parse(line)
  } catch {
    // Reported below, like any other line that is no JSON string.
  }
  if (typeof text === 'string') return text
  throw new InputError(
    `stdin line ${number}: expected a JSON string, got ${quote(line)}; leave out --stdin-json for raw text`,
  )
}
