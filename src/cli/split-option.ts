import { InvalidArgumentError, Option } from 'commander'
import { SPLITS, type Split } from '../text/esconv-row.js'

/** `--split`, which rows of a data set; `valid` is ESConv's name for dev. */
export const splitOption = (): Option =>
  new Option('--split <name>', `which rows: ${SPLITS.join(', ')} (dev is valid of ESConv)`).argParser(readSplit)

/** `--limit`, how many rows of a data set. */
export const limitOption = (): Option =>
  new Option('--limit <n>', 'rows of --data, from the first on').argParser(readCount)

function readCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number above 0.')
}

function readSplit(name: string): Split {
  const split = SPLITS.find((it) => it === (name === 'valid' ? 'dev' : name))
  if (split) return split
  throw new InvalidArgumentError(`It must be one of ${SPLITS.join(', ')}.`)
}
