import { basename, dirname, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { openModel } from '../engine/load-model.js'
import { predictsStrategies } from '../engine/strategy-mixture.js'
import { InputError } from '../errors.js'
import { corpusFigures, type Predictions } from '../explain/corpus-figures.js'
import { readPredictions } from '../explain/corpus-file.js'
import { corpusPage, corpusSections } from '../explain/corpus-page.js'
import { predictStrategies, type StrategyRow } from '../explain/corpus-pass.js'
import { statIfThere } from '../io/model-folder.js'
import { RowLog } from '../io/row-log.js'
import { checkWritable, writeWholeFile } from '../io/whole-file.js'
import { rankStrategies } from '../metrics/strategy-accuracy.js'
import { packageVersion } from '../platform/node/packaged.js'
import { packagedModel } from '../platform/node/packaged-model.js'
import { renderText } from '../plots/section.js'
import type { EsconvRow, Split } from '../text/esconv-row.js'
import { readReplyRows } from '../text/reply-rows.js'
import { type RepliesToScore, repliesOf } from '../validate/replies.js'
import { makeFolder, readModel, rowsDigest } from './eval-model.js'
import { distinctNames } from './eval-systems.js'
import { type GpuFlags, withGpu } from './gpu-command.js'
import { progressBar } from './progress.js'
import { withBars } from './reply-command.js'
import { limitOption, splitOption } from './split-option.js'
import { print, warn } from './stdio.js'

export const EXPLAIN_DATA_EXAMPLES = `
With --data: which strategies MODEL predicts for the replies of a split, from one pass in batches that draws no reply. The page shows
the share of each strategy over six stages of the conversation, of the data and of each model (the paper's Figure 3), the accuracy
with 1 to 5 guesses (Figure 5), and which strategy is taken for which; --json has every number drawn. In place of a model a file of
predictions may stand, its n-th entry for the n-th row: strategies as misc eval --strategies reads them, or the strategy_logits.txt
of the authors' program. Replies whose strategy the data does not name take no part.

With --rows every row is a line of JSON in a file of the folder, one file a model, as soon as its batch is done. Started again with
the same arguments, a command that was ended at any moment goes on from there.

Examples:
  misc explain model/ --data ESConv.json --out strategies.html
  misc explain misc/ --data misc-esconv/ --split test --with joint/ --rows predicted/ --out strategies.html
  misc explain strategies.json --data misc-esconv/ --with strategy_logits.txt --json | jq '.systems[] | {name, topAccuracy}'
`

/** The flags of `misc explain --data`. */
export interface ExplainDataFlags extends GpuFlags {
  readonly data: string
  readonly split: Split
  readonly limit?: number
  readonly with?: readonly string[]
  readonly rows?: string
  readonly out?: string
  readonly json?: boolean
}

/** Adds the options of `misc explain --data` that `misc explain --input` has not. */
export function addExplainDataOptions(command: Command): Command {
  return command
    .option('--data <dir>', 'ESConv (ESConv.json or test.jsonl) or misc-esconv: figures of a whole split')
    .addOption(splitOption().default('test'))
    .addOption(limitOption())
    .option('--with <models...>', 'with --data: other models, or files of predictions, to show beside MODEL')
    .option('--rows <dir>', 'with --data: where every row goes as it is done, and from where the same command goes on')
}

/** A system whose files are read, but for weights: what predicts its strategies, once the GPU is there. */
type System = () => Promise<Predictions>

/**
 * `misc explain --data`.
 *
 * @param model a folder, or a file of predictions; default: the packaged model
 */
export async function explainData(model: string = packagedModel(), flags: ExplainDataFlags): Promise<void> {
  const { data, split, limit, with: others = [], rows: folder, out, json } = flags
  if (out !== undefined) await checkWritable(out)
  const all = await readReplyRows(data, split, limit, warn)
  const named = all.filter(({ reply }) => reply.strategy !== null)
  if (named.length === 0)
    throw new InputError(`${data}: no reply of ${split} names its strategy: there is nothing to count`)
  const models = [model, ...others]
  const files = await Promise.all(models.map(async (it) => (await statIfThere(it))?.isFile() ?? false))
  const names = distinctNames(
    models.map((it, i) => (files[i] ? join(basename(dirname(resolve(it))), basename(it)) : basename(resolve(it)))),
  )
  const systems: System[] = []
  for (const [i, path] of models.entries()) {
    const name = names[i]!
    systems.push(
      files[i] ? await fileSystem(name, path, all, limit === undefined) : await modelSystem(name, path, named, flags),
    )
  }
  if (folder !== undefined) await makeFolder(folder, '--rows')
  const predictions: Predictions[] = []
  for (const system of systems) predictions.push(await system())
  const figures = corpusFigures({ data, split, rows: named, unnamed: all.length - named.length }, predictions)
  if (out !== undefined) {
    const page = await corpusPage(figures)
    await writeWholeFile(out, (file) => file.writeFile(page))
  }
  await print(json ? `${JSON.stringify(figures, null, 2)}\n` : renderText(corpusSections(figures)))
}

async function fileSystem(name: string, path: string, all: readonly EsconvRow[], isWhole: boolean): Promise<System> {
  const rankings = await readPredictions(path, all, isWhole)
  const ofRows = rankings.filter((_, i) => all[i]!.reply.strategy !== null)
  return async () => ({ name, made: { file: path }, ofRows })
}

async function modelSystem(
  name: string,
  path: string,
  named: readonly EsconvRow[],
  flags: ExplainDataFlags,
): Promise<System> {
  const { folder, description, reader, head } = await readModel(path)
  if (!predictsStrategies(description)) {
    throw new InputError(
      `${path}: holds ${description.title}, which predicts no strategy: give a MISC or a BlenderBot-Joint`,
    )
  }
  using progress = progressBar(`reading the rows for ${name}`, named.length, 'rows')
  const replies = await repliesOf(reader, named, flags.data, warn, () => progress.advance(1))
  return async () => {
    const { made, rows } = await predicted(name, { folder, description, head, replies }, named, flags)
    return { name, made, ofRows: rows.map(({ probs }) => rankStrategies((strategy) => probs[strategy])) }
  }
}

/** The rows of a model, those that lie in its file among them. */
async function predicted(
  name: string,
  {
    folder,
    description,
    head: of,
    replies,
  }: Pick<Awaited<ReturnType<typeof readModel>>, 'folder' | 'description' | 'head'> & { replies: RepliesToScore },
  named: readonly EsconvRow[],
  { rows: logs, dtype = 'f32', ...flags }: ExplainDataFlags,
) {
  return withGpu(flags, async (gpu) => {
    const { family, sha256 } = of
    const adapter = gpu.adapter.name
    const head = {
      ...{ version: packageVersion, model: name, family, sha256, dtype, adapter },
      ...{ split: named[0]!.split, rows: named.length, data: rowsDigest(named) },
    }
    using log = await RowLog.open<StrategyRow>(logs && join(logs, `${name}.strategies.jsonl`), head, warn)
    if (log.rows.size < named.length) {
      const model = await withBars((onProgress) => openModel(gpu, folder, { dtype, onProgress }))
      const label = `predicting strategies with ${name} on ${adapter}`
      using progress = progressBar(label, named.length - log.rows.size, 'rows', { remaining: true })
      await predictStrategies(gpu, model, description, replies, log, (count) => progress.advance(count))
      model.dispose()
    }
    return { made: { family, dtype, adapter, sha256 }, rows: await log.finish() }
  })
}
