import { InvalidArgumentError, Option } from 'commander'
import { SPLITS, type Split } from '../text/esconv-row.js'

/** `--split`, which rows of a data set; `valid` is ESConv's name for dev. */
export const splitOption = (): Option =>
  new Option('--split <name>', `which rows: ${SPLITS.join(', ')} (dev is valid of ESConv)`).argParser(readSplit)

function readSplit(name: string): Split {
  const split = SPLITS.find((it) => it === (name === 'valid' ? 'dev' : name))
  if (split) return split
  throw new InvalidArgumentError(`It must be one of ${SPLITS.join(', ')}.`)
}
