import { InputError } from '../errors.js'
import { firstThere } from '../io/model-folder.js'
import { fileIn } from '../io/path-of.js'
import { readTextFile } from '../io/text-file.js'
import { quote } from '../quote.js'
import { type EsconvRow, type EsconvTurn, SPLITS, type Split } from './esconv-row.js'
import type { StrategyLabels } from './strategy-labels.js'
import { splitSpace } from './words.js'

const MAX_FILE_BYTES = 256 * 2 ** 20
const DIALOGUES = 'WithStrategy_short.tsv'
const ADVICE =
  'give the folder with misc-esconv’s <split>WithStrategy_short.tsv, <split>Comet.txt and <split>Comet_st.txt'

/** Whether a folder holds a split of misc-esconv. */
export const isMiscEsconv = async (folder: string): Promise<boolean> =>
  (await firstThere(SPLITS.map((split) => fileIn(folder, `${split}${DIALOGUES}`)))) !== undefined

/**
 * The rows of a split, one a line. A line is a dialogue, its utterances joined by `EOS`, the last one the reply; an utterance
 * is `emotion role turn text`, a supporter's text opening with its strategy in brackets.
 *
 * @throws InputError naming the file and row
 */
export async function readMiscEsconv(
  folder: string,
  split: Split,
  labels: StrategyLabels,
  limit: number,
): Promise<EsconvRow[]> {
  const lines = async (name: string) => {
    const text = await readTextFile(fileIn(folder, `${split}${name}`), MAX_FILE_BYTES, ADVICE)
    return text.replace(/\r?\n$/, '').split(/\r?\n/)
  }
  const dialogues = await lines(DIALOGUES)
  const post = await lines('Comet.txt')
  const situation = await lines('Comet_st.txt')
  for (const [name, { length }] of Object.entries({ Comet: post, Comet_st: situation })) {
    if (length !== dialogues.length) {
      throw new InputError(
        `${folder}: ${split}${name}.txt has ${length} lines, ${split}${DIALOGUES} ${dialogues.length}; ${ADVICE}`,
      )
    }
  }
  return dialogues.slice(0, limit).map((line, row) => {
    const utterances = line.split(' EOS ').map((part) => utterance(part, `${folder}: ${split} row ${row}`, labels))
    const turns = utterances.map(({ turn }) => turn)
    return {
      split,
      row,
      emotion: utterances.at(-1)!.emotion,
      context: turns.slice(0, -1),
      reply: turns.at(-1)!,
      place: { turn: utterances.at(-1)!.index + 1, of: null },
      postBlocks: fields(post[row]!),
      situationBlocks: fields(situation[row]!),
    }
  })
}

/** The fields of a line of Comet.txt: each ends with `__EOS__`. */
const fields = (line: string): string[] => line.split('__EOS__').filter((field) => field.trim() !== '')

function utterance(
  part: string,
  at: string,
  labels: StrategyLabels,
): { emotion: number; index: number; turn: EsconvTurn } {
  const [emotion = '', role = '', index = '', ...words] = splitSpace(part)
  if (!/^\d{1,9}$/.test(emotion) || !/^[01]$/.test(role) || !/^\d{1,9}$/.test(index)) {
    throw new InputError(`${at}: expected “emotion role turn text” with role 0 or 1, got ${quote(part)}`)
  }
  const text = words.join(' ')
  return {
    emotion: Number(emotion),
    index: Number(index),
    turn: role === '0' ? { speaker: 'seeker', strategy: null, text } : { speaker: 'supporter', ...labels.split(text) },
  }
}
