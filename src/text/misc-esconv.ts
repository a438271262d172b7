import { join } from 'node:path'
import { InputError } from '../errors.js'
import { readTextFile } from '../io/text-file.js'
import { quote } from '../quote.js'
import { lastSeekerPost } from './dialogue.js'
import { FEATURE_LIMITS, type FeatureLimits, textFeatures } from './features.js'
import type { Tokenizer } from './tokenizer.js'
import { splitSpace } from './words.js'

const MAX_FILE_BYTES = 256 * 2 ** 20
const ADVICE =
  'give the folder with misc-esconv’s <split>WithStrategy_short.tsv, <split>Comet.txt and <split>Comet_st.txt'

/** The splits that misc-esconv holds. */
export const SPLITS = ['dev', 'test'] as const

/** One of {@link SPLITS}. */
export type Split = (typeof SPLITS)[number]

/** One `emotion role turn text` of a row; a supporter's text opens with its strategy in brackets. */
export interface EsconvUtterance {
  emotion: number
  speaker: 'seeker' | 'supporter'
  text: string
}

/** A row of misc-esconv: the dialogue so far, the reply to predict, and COMET's blocks as `[xReact] sad`. */
export interface EsconvRow {
  split: Split
  /** Line number, from 0. */
  row: number
  context: EsconvUtterance[]
  reply: EsconvUtterance
  postBlocks: string[]
  situationBlocks: string[]
}

/** What `misc features` prints of a row: the authors' ids, blocks padded to their full number and length. */
export interface EsconvFeatures {
  split: Split
  row: number
  input_ids: number[]
  post_block_ids: number[][]
  post_block_mask: number[]
  situation_block_ids: number[][]
  situation_block_mask: number[]
  /** Index 0–7 of the reply's strategy, null where it names none. */
  strategy_id: number | null
  /** The reply's ids without its strategy, EOS last. */
  reply_ids: number[]
  emotion: number
  last_seeker_post: string | null
}

/** Reads all rows of a split. Throws an {@link InputError} that names the file and line. */
export async function readEsconv(folder: string, split: Split): Promise<EsconvRow[]> {
  const lines = async (name: string) => {
    const text = await readTextFile(join(folder, `${split}${name}`), MAX_FILE_BYTES, ADVICE)
    return text.replace(/\r?\n$/, '').split(/\r?\n/)
  }
  const dialogues = await lines('WithStrategy_short.tsv')
  const post = await lines('Comet.txt')
  const situation = await lines('Comet_st.txt')
  for (const [name, { length }] of Object.entries({ Comet: post, Comet_st: situation })) {
    if (length !== dialogues.length) {
      throw new InputError(
        `${folder}: ${split}${name}.txt has ${length} lines, ${split}WithStrategy_short.tsv ${dialogues.length}; ${ADVICE}`,
      )
    }
  }
  return dialogues.map((line, row) => {
    const utterances = line.split(' EOS ').map((part) => utterance(part, `${folder}: ${split} row ${row}`))
    return {
      split,
      row,
      context: utterances.slice(0, -1),
      reply: utterances.at(-1)!,
      postBlocks: fields(post[row]!),
      situationBlocks: fields(situation[row]!),
    }
  })
}

/** The ids of a row, as the authors' program makes them. */
export async function esconvFeatures(
  tokenizer: Tokenizer,
  row: EsconvRow,
  limits: Partial<FeatureLimits> = {},
): Promise<EsconvFeatures> {
  const { baseVocabSize, eosId, padId, strategyIds } = tokenizer
  const max = { ...FEATURE_LIMITS, ...limits }
  const [features, replyIds] = await Promise.all([
    textFeatures(tokenizer, { ...row, utterances: row.context.map(({ text }) => text) }, max),
    tokenizer.encode(row.reply.text),
  ])
  const padded = (block: number[] = []) => pad(block, max.blockLength, padId)
  const rows = (blocks: number[][], count: number) => Array.from({ length: count }, (_, index) => padded(blocks[index]))
  const mask = (blocks: number[][], count: number) =>
    pad(
      blocks.map(() => 1),
      count,
      0,
    )
  const strategy = strategyIds.indexOf(replyIds.find((id) => strategyIds.includes(id)) ?? -1)
  return {
    split: row.split,
    row: row.row,
    input_ids: features.contextIds,
    post_block_ids: rows(features.postBlocks, max.postBlocks),
    post_block_mask: mask(features.postBlocks, max.postBlocks),
    situation_block_ids: rows(features.situationBlocks, max.situationBlocks),
    situation_block_mask: mask(features.situationBlocks, max.situationBlocks),
    strategy_id: strategy < 0 ? null : strategy,
    reply_ids: [...replyIds.filter((id) => id < baseVocabSize), eosId],
    emotion: row.reply.emotion,
    last_seeker_post: lastSeekerPost(row.context) ?? null,
  }
}

const pad = (ids: number[], length: number, value: number): number[] => [
  ...ids,
  ...new Array<number>(length - ids.length).fill(value),
]

/** The fields of a line of Comet.txt: each ends with `__EOS__`. */
const fields = (line: string): string[] => line.split('__EOS__').filter((field) => field.trim() !== '')

function utterance(part: string, at: string): EsconvUtterance {
  const [emotion = '', role = '', turn = '', ...words] = splitSpace(part)
  if (!/^\d+$/.test(emotion) || !/^[01]$/.test(role) || !/^\d+$/.test(turn)) {
    throw new InputError(`${at}: expected “emotion role turn text” with role 0 or 1, got ${quote(part)}`)
  }
  return { emotion: Number(emotion), speaker: role === '0' ? 'seeker' : 'supporter', text: words.join(' ') }
}
