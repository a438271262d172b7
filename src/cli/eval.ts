import { type Command, InvalidArgumentError, Option } from 'commander'
import { describeFolder } from '../engine/load-model.js'
import { InputError } from '../errors.js'
import { modelFolder } from '../io/model-folder.js'
import { corpusScores, strategyScores } from '../metrics/scores.js'
import type { WordNet } from '../metrics/wordnet.js'
import { findWordNet, wordNetPackage } from '../platform/node/find-wordnet.js'
import { packagedModel } from '../platform/node/packaged-model.js'
import type { Split } from '../text/esconv-row.js'
import { type RepliesToCompare, type ReplyFiles, readRepliesToCompare } from '../text/replies-to-compare.js'
import { readReplyRows } from '../text/reply-rows.js'
import { Tokenizer } from '../text/tokenizer.js'
import { type Evaluation, modelFigures, strategyPredictions } from './eval-figures.js'
import { type EvalOptions, type EvaluatedSystem, evaluateSystems, makeFolder } from './eval-model.js'
import { systemsOf, TABLES, type TableNumber } from './eval-systems.js'
import { evaluationTable, type Perplexity } from './eval-table.js'
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
of the first MODEL that has pieces for ids, or of the packaged model; a vocabulary that is not blenderbot_small's whole one
gives other figures than the paper's. METEOR reads words, and needs the npm package ${wordNetPackage} (WordNet 3.0).

Of a MODEL, of any family that replies, come the perplexity of the replies in the data, how well it tells their strategies, and
the scores of replies that it draws, by its generation_config.json and the flags, from the rows' own blocks; row n by seed + n.
Several, or --table, give a line each in a table of the paper: 2 (every MODEL), 4 (one MISC, and without the strategy g, the
situation's blocks s, the last post's blocks x), 6 (with the emotion in place of blocks), 7 (in its likeliest strategy alone).
Where vocabularies differ, PPL is per id of the tokenizer that counts replies, for all.

With --out every row is a line of JSON in a file of the folder, one file a MODEL, as soon as it is done. Started again with the
same arguments, a command that was ended at any moment goes on from there.

Examples:
  misc eval --hypotheses replies.json --references references.json --tokenizer blenderbot_small/
  misc eval --hypotheses replies.jsonl --references references.json --strategies strategies.json --json | jq .meteor
  misc eval model/ --data misc-esconv/ --split test --out evaluated/
  misc eval misc/ joint/ moel/ --data ESConv.json --table 2 --out evaluated/
  misc eval misc/ --data misc-esconv/ --table 4 --out evaluated/ --json | jq '.rows[] | {name, ppl, "distinct-1"}'
  misc eval model/ --data ESConv.json --split dev --limit 200 --top-p 0.9 --json | jq '.ppl, ."distinct-1"'
`

interface Flags extends Partial<Pick<EvalOptions, 'adapter' | 'dtype' | 'out'>>, Record<string, unknown> {
  hypotheses?: string
  references?: string
  strategies?: string
  data?: string
  split: Split
  limit?: number
  table?: TableNumber
  tokenizer?: string
  json?: boolean
}

/** `misc eval`. */
export function evalCommand(): Command {
  const command = gpuCommand('eval', 'f32')
    .summary('score replies, or models on a data set, as the paper does')
    .description(
      'Scores replies as the paper does: distinct, BLEU, ROUGE-L, F1, METEOR, strategy accuracy. With --hypotheses: those of a ' +
        'file against references. With MODEL and --data: those that it draws to a split, and its perplexity there.',
    )
    .argument('[MODEL...]', 'folders with config.json, weights and tokenizer files')
    .option('--hypotheses <file>', 'the replies to score')
    .option('--references <file>', 'the replies that people gave')
    .option('--strategies <file>', 'strategies taken and predicted')
    .option('--data <dir>', 'ESConv (ESConv.json or test.jsonl) or misc-esconv (testWithStrategy_short.tsv and blocks)')
    .addOption(splitOption().default('test'))
    .addOption(limitOption())
    .option('--out <dir>', 'where every row goes as soon as it is done, and from where the same command goes on')
    .addOption(new Option('--table <n>', `a table of the paper: ${TABLES.join(', ')}`).argParser(readTable))
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

async function run(models: readonly string[], { tokenizer, json, ...flags }: Flags): Promise<void> {
  return models.length > 0 ? evaluateModels(models, tokenizer, flags, json) : scoreFiles(tokenizer, flags, json)
}

async function scoreFiles(given: string | undefined, flags: Flags, json: boolean | undefined): Promise<void> {
  const files = replyFiles(flags)
  const folder = given ?? packagedModel()
  const tokenizer = await Tokenizer.load(folder)
  const replies = await readRepliesToCompare(files)
  if (!given) warn(PACKAGED_IDS)
  return report([evaluate(await encode(replies, tokenizer), folder, await wordNet())], json)
}

const PACKAGED_IDS = 'counts ids of the packaged model, which are not the paper’s: --tokenizer names others'

async function evaluateModels(
  models: readonly string[],
  given: string | undefined,
  flags: Flags,
  json: boolean | undefined,
): Promise<void> {
  const { data, split, limit, table, out, adapter, dtype = 'f32', ...others } = modelFlags(flags)
  const { seed = 0, ...generation } = generationOptions(others)
  if (table !== undefined && table !== 2 && models.length > 1) {
    throw new InputError(`Table ${table} is of one MISC and its variants: give one MODEL`)
  }
  const systems = systemsOf(models, table)
  const folder = given ?? (await firstWithPieces(models))
  const tokenizer = await Tokenizer.load(folder)
  const wordnet = await wordNet()
  const rows = await readReplyRows(data, split, limit, warn)
  if (out !== undefined) await makeFolder(out, '--out')
  const options: EvalOptions = {
    data,
    dtype,
    seed,
    generation,
    ...(adapter && { adapter }),
    ...(out !== undefined && { out }),
  }
  const evaluated = await evaluateSystems(systems, rows, options)
  const evaluations: Evaluation[] = []
  for (const it of evaluated) {
    const references = it.rows.map(({ reference }) => reference)
    const pieces = await tokenizer.encodeBatch(references)
    const replies = {
      hypotheses: it.rows.map(({ hypothesis }) => hypothesis),
      // The authors compare with what the ids of a reference decode to.
      references: pieces.map((ids) => tokenizer.decode(ids)),
      strategies: strategyPredictions(it),
    }
    const scores = evaluate(await encode(replies, tokenizer), folder, wordnet)
    evaluations.push({ name: it.system.name, ...modelFigures(it, pieces), ...scores })
  }
  return report(evaluations, json, table, perplexityOf(evaluated, folder))
}

/** The first folder whose tokenizer counts pieces of words; the packaged model's where none does. */
async function firstWithPieces(models: readonly string[]): Promise<string> {
  for (const model of models) {
    if ((await describeFolder(await modelFolder(model))).family !== 'listeners') return model
  }
  warn(PACKAGED_IDS)
  return packagedModel()
}

/** Per what a table's perplexities are: what all have in common. */
function perplexityOf(evaluated: readonly EvaluatedSystem[], tokenizer: string): Perplexity {
  const vocabularies = new Set(evaluated.map(({ head }) => head.vocabulary.sha256))
  if (vocabularies.size === 1) return { key: 'ppl', per: 'per id of the model’s own vocabulary, EOS included' }
  return {
    key: 'ppl-per-piece',
    per: `the models have several vocabularies; per id by the tokenizer of ${tokenizer}, EOS included, whatever ids a model has`,
  }
}

function replyFiles({ hypotheses, references, strategies, data, table, out }: Flags): ReplyFiles {
  if (data !== undefined) throw new InputError('--data is what a model is evaluated on: name MODEL, or leave it out')
  if (table !== undefined || out !== undefined) {
    throw new InputError('--table and --out are of models: name MODEL and --data, or leave them out')
  }
  if (hypotheses !== undefined && references !== undefined)
    return { hypotheses, references, ...(strategies && { strategies }) }
  throw new InputError('nothing to score: give --hypotheses <file> and --references <file>, or MODEL and --data <dir>')
}

function modelFlags({ hypotheses, references, strategies, data, ...flags }: Flags) {
  if (data === undefined) throw new InputError('nothing to evaluate MODEL on: give --data <dir>')
  if (hypotheses ?? references ?? strategies) {
    throw new InputError('MODEL draws its own replies: leave out --hypotheses, --references and --strategies, or MODEL')
  }
  return { ...flags, data }
}

function readTable(text: string): TableNumber {
  const table = TABLES.find((it) => String(it) === text)
  if (table) return table
  throw new InvalidArgumentError(`It must be one of ${TABLES.join(', ')}.`)
}

/** WordNet; without it says so. */
async function wordNet(): Promise<WordNet | undefined> {
  const wordnet = await findWordNet()
  if (!wordnet) warn(`METEOR is left out, which needs WordNet: npm install ${wordNetPackage}@2`)
  return wordnet
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
  using progress = progressBar('comparing with references', pairs.length, 'replies')
  return {
    replies: pairs.length,
    ...corpusScores(pairs, wordnet, () => progress.advance(1)),
    ...(strategies.length > 0 && strategyScores(strategies)),
    tokenizer,
    wordnet: wordnet?.version ?? null,
  }
}

/** One evaluation as it is; several, or a table, as its rows. */
function report(
  evaluations: readonly Evaluation[],
  json: boolean | undefined,
  table?: TableNumber,
  perplexity?: Perplexity,
): Promise<void> {
  if (!json) return print(evaluationTable(evaluations, table, perplexity))
  const document =
    evaluations.length > 1 || table ? { table: table ?? null, perplexity, rows: evaluations } : evaluations[0]
  return print(`${JSON.stringify(document, null, 2)}\n`)
}
