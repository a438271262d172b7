import { InputError } from '../errors.js'
import { readJsonEntries } from '../io/json-entries.js'
import { readTextFile } from '../io/text-file.js'
import { rankStrategies } from '../metrics/strategy-accuracy.js'
import { quote } from '../quote.js'
import type { EsconvRow } from '../text/esconv-row.js'
import { strategyPrediction } from '../text/replies-to-compare.js'
import { STRATEGIES, type StrategyName } from '../text/strategies.js'

const ADVICE = 'the n-th entry belongs to the n-th row of the split'

/**
 * The strategies that somebody predicted for the rows of a split, likeliest first. A file is a JSON list or JSON Lines, as `misc eval`
 * takes it for --strategies; or, where its name ends in `.txt`, logits as the authors' program writes them (strategy_logits.txt):
 * a line of eight numbers a row, in the order of {@link STRATEGIES}.
 *
 * @param rows the first of the split; where `isWhole`, all of them
 * @returns a ranking for each row, all eight or fewer
 * @throws InputError naming the file and line; where there are fewer entries than rows, or others; where one was of another reply
 */
export async function readPredictions(
  path: string,
  rows: readonly EsconvRow[],
  isWhole: boolean,
): Promise<(readonly StrategyName[])[]> {
  const rankings = path.endsWith('.txt') ? await readLogits(path) : await readStrategies(path, rows)
  if (rankings.length === rows.length || (!isWhole && rankings.length > rows.length)) {
    return rankings.slice(0, rows.length)
  }
  throw new InputError(`${path} holds ${rankings.length} entries and the split has ${rows.length} rows: ${ADVICE}`)
}

async function readStrategies(path: string, rows: readonly EsconvRow[]): Promise<(readonly StrategyName[])[]> {
  const entries = await readJsonEntries(path, ADVICE)
  return entries.map((entry, i) => {
    const { reference, ranking } = strategyPrediction(entry)
    const taken = rows[i]?.reply.strategy
    if (taken && taken !== reference) {
      throw new InputError(`${entry.at}: is of a reply in ${reference}, row ${i} of the split in ${taken}: ${ADVICE}`)
    }
    return ranking
  })
}

async function readLogits(path: string): Promise<(readonly StrategyName[])[]> {
  const text = await readTextFile(path, undefined, ADVICE)
  return text
    .trimEnd()
    .split('\n')
    .map((line, i) => {
      const logits = line.trim().split(/\s+/).map(Number)
      if (logits.length === STRATEGIES.length && logits.every(Number.isFinite)) {
        return rankStrategies((_, index) => logits[index]!)
      }
      throw new InputError(
        `${path}, line ${i + 1}: expected the logits of ${STRATEGIES.length} strategies, got ${quote(line)}`,
      )
    })
}
