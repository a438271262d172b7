import { join } from 'node:path'
import { Command } from 'commander'
import { InputError } from '../errors.js'
import { modelFolder, statIfThere } from '../io/model-folder.js'
import { readJsonFile } from '../io/text-file.js'
import { quote } from '../quote.js'
import type { Split } from '../text/esconv-row.js'
import { FEATURE_LIMITS } from '../text/features.js'
import { type JointFeatures, jointFeatures, unnamedReplies } from '../text/joint-features.js'
import { JOINT_PROGRAMS, type JointTokens, jointTokens } from '../text/joint-programs.js'
import { readReplyRows } from '../text/reply-rows.js'
import { type EsconvFeatures, esconvFeatures } from '../text/row-features.js'
import { STRATEGIES } from '../text/strategies.js'
import { Tokenizer } from '../text/tokenizer.js'
import { namedTokens } from '../text/vocabulary.js'
import { splitOption } from './split-option.js'
import { printLines, warn } from './stdio.js'

const EXAMPLES = `
The context is cut to max_position_embeddings of the tokenizer folder's config.json,
where there is one, else to ${FEATURE_LIMITS.maxPositions} ids.

With a tokenizer of BlenderBot-Joint (its added_tokens.json) the ids are those of its program: context, labels with the
strategy first, and what the decoder reads.

ESConv.json is split by conversation, as its authors do: 910 train, 195 dev and 195 test.

Examples:
  misc features --tokenizer MODEL --data misc-esconv --split dev --json > features.dev.jsonl
  misc features --tokenizer MODEL --data ESConv.json --split train
`

interface Options {
  tokenizer: string
  data: string
  split: Split
  json?: boolean
}

/** `misc features`: the ids of every row of a split. */
export const featuresCommand = (): Command =>
  new Command('features')
    .description('print the ids that the model reads for every row of a split of misc-esconv or ESConv')
    .requiredOption('--tokenizer <DIR>', 'model or tokenizer folder')
    .requiredOption('--data <DIR>', 'misc-esconv folder, ESConv.json, or a folder with it or with <split>.jsonl')
    .addOption(splitOption().makeOptionMandatory())
    .option('--json', 'print a JSON line for each row instead of a summary')
    .addHelpText('after', EXAMPLES)
    .action(run)

async function run({ tokenizer: folder, data, split, json }: Options): Promise<void> {
  const files = await modelFolder(folder)
  const tokenizer = await Tokenizer.load(files)
  const joint = jointTokens(await namedTokens(files), folder)
  const maxPositions = await readMaxPositions(join(files, 'config.json'))
  let unnamed = 0
  for (const row of await readReplyRows(data, split, Infinity, warn)) {
    const ids = joint
      ? await jointFeatures(tokenizer, joint, row, maxPositions)
      : await esconvFeatures(tokenizer, row, { maxPositions })
    if (!ids) unnamed++
    else await printLines([json ? JSON.stringify(ids) : 'labels' in ids ? jointSummary(ids, joint!) : summary(ids)])
  }
  if (unnamed > 0) warn(unnamedReplies(data, unnamed))
}

function jointSummary({ row, input_ids, labels, strategy_id }: JointFeatures, { program }: JointTokens): string {
  const strategy = JOINT_PROGRAMS[program].strategies[strategy_id]
  return `row ${row}: ${input_ids.length} context ids, ${strategy}, ${labels.length} label ids`
}

function summary(ids: EsconvFeatures): string {
  const blocks = (mask: number[]) => mask.filter((bit) => bit === 1).length
  const strategy = ids.strategy_id === null ? 'no strategy' : STRATEGIES[ids.strategy_id]
  return [
    `row ${ids.row}: ${ids.input_ids.length} context ids`,
    `${blocks(ids.post_block_mask)} post and ${blocks(ids.situation_block_mask)} situation blocks`,
    `${strategy}, ${ids.reply_ids.length} reply ids`,
  ].join(', ')
}

async function readMaxPositions(path: string): Promise<number> {
  if (!(await statIfThere(path))) return FEATURE_LIMITS.maxPositions
  const config = await readJsonFile(path)
  const { max_position_embeddings: value = FEATURE_LIMITS.maxPositions } = (config ?? {}) as Record<string, unknown>
  if (Number.isInteger(value) && (value as number) > 0) return value as number
  throw new InputError(`${path}: max_position_embeddings is ${quote(value)}, expected a positive integer`)
}
