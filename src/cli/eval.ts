import type { Command } from 'commander'
import { InputError } from '../errors.js'
import { type CorpusScores, corpusScores, type StrategyScores, strategyScores } from '../metrics/scores.js'
import type { WordNet } from '../metrics/wordnet.js'
import { findWordNet, wordNetPackage } from '../platform/node/find-wordnet.js'
import { packagedModel } from '../platform/node/packaged-model.js'
import { type RepliesToCompare, type ReplyFiles, readRepliesToCompare } from '../text/replies-to-compare.js'
import { Tokenizer } from '../text/tokenizer.js'
import { type EvalModelFlags, evaluateModel, type ModelFigures } from './eval-model.js'
import { generationFlags, generationOptions } from './generation-flags.js'
import { gpuCommand } from './gpu-command.js'
import { progressBar } from './progress.js'
import { limitOption, splitOption } from './split-option.js'
import { print, warn } from './stdio.js'

const EXAMPLES = `
Files of replies are a JSON list each, or have a JSON value a line. A reply is a string, or an object with its text, as misc
generate --json prints; the n-th of each file belong together. A strategy is {"reference": "Question", "hypothesis": "Others"};
with {"probs": {...}} for a hypothesis, as misc generate --json prints under strategy, the top 2 to 5 are scored too.

Scores are those of MISC's Tables 2 to 7, in percent. Distinct-n, BLEU, F1 and ROUGE-L count ids: without --tokenizer those
of MODEL or the packaged model; a vocabulary that is not blenderbot_small's whole one gives other figures than the paper's.
METEOR reads words, and needs the npm package ${wordNetPackage} (WordNet 3.0).

Of a MODEL come the perplexity of the replies in the data, how well it tells their strategies, and the scores of replies that
it draws, by its generation_config.json and the flags, from the rows' own blocks.

Examples:
  misc eval --hypotheses replies.json --references references.json --tokenizer blenderbot_small/
  misc eval --hypotheses replies.jsonl --references references.json --strategies strategies.json --json | jq .meteor
  misc eval model/ --data misc-esconv/ --split test
  misc eval model/ --data ESConv.json --split dev --limit 200 --top-p 0.9 --json | jq '.ppl, ."distinct-1"'
`

interface Flags extends Partial<EvalModelFlags> {
  hypotheses?: string
  references?: string
  strategies?: string
  tokenizer?: string
  json?: boolean
}

/** What `misc eval --json` prints: the scores, of how many replies, and what they were counted with. */
export interface Evaluation extends CorpusScores, Partial<StrategyScores>, Partial<ModelFigures> {
  readonly replies: number
  /** The folder whose tokenizer gave the ids. */
  readonly tokenizer: string
  /** The version of WordNet that METEOR read; null without. */
  readonly wordnet: string | null
}

/** `misc eval`. */
export function evalCommand(): Command {
  const command = gpuCommand('eval', 'f32')
    .summary('score replies, or a model on a data set, as the paper does')
    .description(
      'Scores replies as the paper does: distinct, BLEU, ROUGE-L, F1, METEOR, strategy accuracy. With --hypotheses: those of a ' +
        'file against references. With MODEL and --data: those that it draws to a split, and its perplexity there.',
    )
    .argument('[MODEL]', 'a MISC folder with config.json, weights and tokenizer files')
    .option('--hypotheses <file>', 'the replies to score')
    .option('--references <file>', 'the replies that people gave')
    .option('--strategies <file>', 'strategies taken and predicted')
    .option('--data <dir>', 'ESConv (ESConv.json or test.jsonl) or misc-esconv (testWithStrategy_short.tsv and blocks)')
    .addOption(splitOption().default('test'))
    .addOption(limitOption())
    .option('--tokenizer <dir>', 'model or tokenizer folder whose ids are counted')
    .option('--json', 'print one JSON document')
    .optionsGroup('How MODEL draws replies:')
    .addHelpText('after', EXAMPLES)
    // A bad value is told before a model is loaded.
    .hook('preAction', (it) => void generationOptions(it.opts()))
    .action(run)
  for (const option of generationFlags()) command.addOption(option)
  return command
}

async function run(model: string | undefined, { tokenizer: given, json, ...flags }: Flags): Promise<void> {
  const files = model === undefined && replyFiles(flags)
  const folder = given ?? model ?? packagedModel()
  const tokenizer = await Tokenizer.load(folder)
  if (files) {
    const replies = await readRepliesToCompare(files)
    if (!given) warn('counts ids of the packaged model, which are not the paper’s: --tokenizer names others')
    return report(evaluate(await encode(replies, tokenizer), folder, await findWordNet()), json)
  }
  const wordnet = await findWordNet()
  const { figures, references, ...replies } = await evaluateModel(model!, modelFlags(flags))
  // The authors compare with what the ids of a reference decode to.
  const decoded = (await tokenizer.encodeBatch(references)).map((ids) => tokenizer.decode(ids))
  const encoded = await encode({ ...replies, references: decoded }, tokenizer)
  return report({ ...figures, ...evaluate(encoded, folder, wordnet) }, json)
}

function replyFiles({ hypotheses, references, strategies, data }: Flags): ReplyFiles {
  if (data !== undefined) throw new InputError('--data is what a model is evaluated on: name MODEL, or leave it out')
  if (hypotheses !== undefined && references !== undefined)
    return { hypotheses, references, ...(strategies && { strategies }) }
  throw new InputError('nothing to score: give --hypotheses <file> and --references <file>, or MODEL and --data <dir>')
}

function modelFlags({ hypotheses, references, strategies, data, ...flags }: Flags): EvalModelFlags {
  if (data === undefined) throw new InputError('nothing to evaluate MODEL on: give --data <dir>')
  if (hypotheses ?? references ?? strategies) {
    throw new InputError('MODEL draws its own replies: leave out --hypotheses, --references and --strategies, or MODEL')
  }
  return { ...flags, data } as EvalModelFlags
}

async function encode({ hypotheses, references, strategies = [] }: RepliesToCompare, tokenizer: Tokenizer) {
  const [ids, referenceIds] = [await tokenizer.encodeBatch(hypotheses), await tokenizer.encodeBatch(references)]
  const pairs = hypotheses.map((text, i) => ({
    hypothesis: { text, ids: ids[i]! },
    reference: { text: references[i]!, ids: referenceIds[i]! },
  }))
  return { pairs, strategies }
}

function evaluate(
  { pairs, strategies }: Awaited<ReturnType<typeof encode>>,
  tokenizer: string,
  wordnet: WordNet | undefined,
): Evaluation {
  if (!wordnet) warn(`METEOR is left out, which needs WordNet: npm install ${wordNetPackage}@2`)
  using progress = progressBar('comparing with references', pairs.length, 'replies')
  return {
    replies: pairs.length,
    ...corpusScores(pairs, wordnet, () => progress.advance(1)),
    ...(strategies.length > 0 && strategyScores(strategies)),
    tokenizer,
    wordnet: wordnet?.version ?? null,
  }
}

const report = (evaluation: Evaluation, json: boolean | undefined): Promise<void> =>
  print(json ? `${JSON.stringify(evaluation, null, 2)}\n` : table(evaluation))

/** The scores that there are, under the names and in the order of the paper's tables. */
function table(scores: Evaluation): string {
  const columns = (
    [
      ['ACC(%)', scores['strategy-accuracy']],
      ['PPL', scores.ppl],
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
    ] as const
  ).filter(([, value]) => value !== undefined)
  const cell = (value: number | null | undefined) => (typeof value === 'number' ? value.toFixed(2) : '-').padStart(8)
  const top = [2, 3, 4, 5].map((k) => scores[`strategy-top-${k}` as keyof StrategyScores])
  return [
    columns.map(([name]) => name.padStart(8)).join(''),
    columns.map(([, value]) => cell(value)).join(''),
    '',
    ...(typeof top[0] === 'number' ? [`strategy among the likeliest 2, 3, 4, 5:${top.map(cell).join('')}`] : []),
    ...(scores.ppl === undefined
      ? []
      : [`${scores.split}, ${scores.tokens} ids of references; weights in ${scores.dtype}, on ${scores.adapter}`]),
    `${scores.replies} replies of ${scores.length.toFixed(2)} ids on average, by the tokenizer of ${scores.tokenizer}`,
    `METEOR: ${scores.wordnet === null ? 'needs WordNet' : `WordNet ${scores.wordnet}, as NLTK 3.8 computes it`}`,
    '',
  ].join('\n')
}
