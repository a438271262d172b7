import { Command } from 'commander'
import { type CorpusScores, corpusScores, type StrategyScores, strategyScores } from '../metrics/scores.js'
import { findWordNet, wordNetPackage } from '../platform/node/find-wordnet.js'
import { packagedModel } from '../platform/node/packaged-model.js'
import { type ReplyFiles, readRepliesToCompare } from '../text/replies-to-compare.js'
import { Tokenizer } from '../text/tokenizer.js'
import { progressBar } from './progress.js'
import { print, warn } from './stdio.js'

const EXAMPLES = `
Each file is a JSON list, or has a JSON value a line. A reply is a string, or an object with its text, as misc generate
--json prints; the n-th of each file belong together. A strategy is {"reference": "Question", "hypothesis": "Others"}; with
{"probs": {...}} for a hypothesis, as misc generate --json prints under strategy, the top 2 to 5 are scored too.

Scores are those of MISC's Tables 2 to 7, in percent. Distinct-n, BLEU, F1 and ROUGE-L count ids: without --tokenizer those
of the packaged model, whose short vocabulary gives other figures than the paper's. METEOR reads words, and needs the npm
package ${wordNetPackage} (WordNet 3.0).

Examples:
  misc eval --hypotheses replies.json --references references.json --tokenizer blenderbot_small/
  misc eval --hypotheses replies.jsonl --references references.json --strategies strategies.json --json | jq .meteor
`

interface Flags extends ReplyFiles {
  tokenizer?: string
  json?: boolean
}

/** What `misc eval --json` prints: the scores, of how many replies, and what they were counted with. */
export interface Evaluation extends CorpusScores, Partial<StrategyScores> {
  readonly replies: number
  /** The folder whose tokenizer gave the ids. */
  readonly tokenizer: string
  /** The version of WordNet that METEOR read; null without. */
  readonly wordnet: string | null
}

/** `misc eval`. */
export const evalCommand = (): Command =>
  new Command('eval')
    .summary('score replies as the paper does')
    .description(
      'Scores replies that were given against references: distinct, BLEU, ROUGE-L, F1, METEOR, strategy accuracy.',
    )
    .requiredOption('--hypotheses <file>', 'the replies to score')
    .requiredOption('--references <file>', 'the replies that people gave')
    .option('--strategies <file>', 'strategies taken and predicted')
    .option('--tokenizer <dir>', 'model or tokenizer folder whose ids are counted (default: the packaged model)')
    .option('--json', 'print one JSON document')
    .addHelpText('after', EXAMPLES)
    .action(run)

async function run({ tokenizer: given, json, ...files }: Flags): Promise<void> {
  const { hypotheses, references, strategies } = await readRepliesToCompare(files)
  const folder = given ?? packagedModel()
  if (given === undefined) warn('counts ids of the packaged model, which are not the paper’s: --tokenizer names others')
  const tokenizer = await Tokenizer.load(folder)
  const wordnet = await findWordNet()
  if (!wordnet) warn(`METEOR is left out, which needs WordNet: npm install ${wordNetPackage}@2`)

  const [ids, referenceIds] = [await tokenizer.encodeBatch(hypotheses), await tokenizer.encodeBatch(references)]
  const pairs = hypotheses.map((text, i) => ({
    hypothesis: { text, ids: ids[i]! },
    reference: { text: references[i]!, ids: referenceIds[i]! },
  }))
  using progress = progressBar('scoring', pairs.length, 'replies')
  const evaluation: Evaluation = {
    replies: pairs.length,
    ...corpusScores(pairs, wordnet, () => progress.advance(1)),
    ...(strategies && strategyScores(strategies)),
    tokenizer: folder,
    wordnet: wordnet?.version ?? null,
  }
  progress.stop()
  await print(json ? `${JSON.stringify(evaluation, null, 2)}\n` : table(evaluation))
}

/** The scores under the names and in the order of the paper's tables. */
function table(scores: Evaluation): string {
  const columns: readonly (readonly [string, number | null | undefined])[] = [
    ['ACC(%)', scores['strategy-accuracy']],
    ['D-1', scores['distinct-1']],
    ['D-2', scores['distinct-2']],
    ['D-3', scores['distinct-3']],
    ['B-1', scores['bleu-1']],
    ['B-2', scores['bleu-2']],
    ['B-3', scores['bleu-3']],
    ['B-4', scores['bleu-4']],
    ['F1', scores['unigram-f1']],
    ['R-L', scores['rouge-l']],
    ['M', scores.meteor],
  ]
  const cell = (value: number | null | undefined) => (typeof value === 'number' ? value.toFixed(2) : '-').padStart(8)
  const top = [2, 3, 4, 5].map((k) => scores[`strategy-top-${k}` as keyof StrategyScores])
  return [
    columns.map(([name]) => name.padStart(8)).join(''),
    columns.map(([, value]) => cell(value)).join(''),
    '',
    ...(typeof top[0] === 'number' ? [`strategy among the likeliest 2, 3, 4, 5:${top.map(cell).join('')}`] : []),
    `${scores.replies} replies of ${scores.length.toFixed(2)} ids on average, by the tokenizer of ${scores.tokenizer}`,
    `METEOR: ${scores.wordnet === null ? 'needs WordNet' : `WordNet ${scores.wordnet}, as NLTK 3.8 computes it`}`,
    '',
  ].join('\n')
}
