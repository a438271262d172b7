import { InputError } from '../errors.js'
import { findConversations, readConversations } from './esconv.js'
import type { EsconvRow, Split } from './esconv-row.js'
import { isMiscEsconv, readMiscEsconv } from './misc-esconv.js'
import { StrategyLabels } from './strategy-labels.js'

const ADVICE =
  'give a folder with ESConv.json, with <split>.jsonl (a conversation of ESConv a line), or with misc-esconv’s ' +
  '<split>WithStrategy_short.tsv and blocks'

/**
 * The first rows of a split, in the order of the data: ESConv's conversations, or misc-esconv's rows.
 *
 * @param data a folder, or a file of conversations
 * @param onWarning told of labels that are no strategy
 * @param unheard as {@link readConversations}
 * @throws InputError naming the file and line, or where the split has no rows
 */
export async function readReplyRows(
  data: string,
  split: Split,
  limit = Infinity,
  onWarning?: (message: string) => void,
  unheard = false,
): Promise<EsconvRow[]> {
  const labels = new StrategyLabels()
  const file = await findConversations(data, split)
  if (!file && !(await isMiscEsconv(data))) throw new InputError(`${data}: holds no ${split} rows; ${ADVICE}`)
  const rows = await (file
    ? readConversations(file, split, labels, limit, unheard)
    : readMiscEsconv(data, split, labels, limit))
  if (rows.length === 0) throw new InputError(`${file?.path ?? data}: its ${split} split has no rows`)
  if (labels.warning) onWarning?.(`${data}: ${labels.warning}`)
  return rows
}
