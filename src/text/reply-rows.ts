import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { InputError } from '../errors.js'
import { readTextFile } from '../io/text-file.js'
import { quote } from '../quote.js'
import { type FeatureLimits, type Features, textFeatures } from './features.js'
import { readEsconv } from './misc-esconv.js'
import type { Tokenizer } from './tokenizer.js'

/** A reply of a data set, with all that a model may read before it. */
export interface ReplyRow {
  /** The dialogue so far, oldest first. */
  readonly utterances: readonly string[]
  /** COMET's blocks, as `[xReact] sad`. */
  readonly postBlocks: readonly string[]
  readonly situationBlocks: readonly string[]
  readonly reply: string
}

/** A {@link ReplyRow} in ids. */
export interface ReplyIds extends Features {
  /** The reply's, EOS last: as many as the decoder has positions at most. */
  readonly replyIds: readonly number[]
}

const ADVICE = 'give a folder with ESConv’s <split>.jsonl, or misc-esconv’s <split>WithStrategy_short.tsv and blocks'

/**
 * The first rows of a split, in the order of the data.
 *
 * Of ESConv (`test.jsonl`, a conversation a line) every supporter's turn that stands after a seeker's is a row; it has no
 * blocks. Of misc-esconv (`testWithStrategy_short.tsv` and its blocks) every line is.
 *
 * @throws InputError naming the file and line
 */
export async function readReplyRows(folder: string, split: 'dev' | 'test', limit = Infinity): Promise<ReplyRow[]> {
  const conversations = ({ dev: ['valid', 'dev'], test: ['test'] }[split] as string[])
    .map((name) => join(folder, `${name}.jsonl`))
    .find((path) => existsSync(path))
  if (conversations) return esconvRows(await readTextFile(conversations, 2 ** 28, ADVICE), conversations, limit)
  if (!existsSync(join(folder, `${split}WithStrategy_short.tsv`))) {
    throw new InputError(`${folder}: holds no ${split} rows; ${ADVICE}`)
  }
  return (await readEsconv(folder, split)).slice(0, limit).map((row) => ({
    utterances: row.context.map(({ text }) => text),
    postBlocks: row.postBlocks,
    situationBlocks: row.situationBlocks,
    reply: row.reply.text,
  }))
}

/** The ids of a row, within a model's limits. Added tokens are no part of a reply. */
export async function replyIds(
  tokenizer: Tokenizer,
  row: ReplyRow,
  limits: Partial<FeatureLimits> & Pick<FeatureLimits, 'maxPositions'>,
): Promise<ReplyIds> {
  const features = await textFeatures(tokenizer, row, limits)
  const ids = (await tokenizer.encode(row.reply)).filter((id) => id < tokenizer.baseVocabSize)
  return { ...features, replyIds: [...ids.slice(0, limits.maxPositions - 1), tokenizer.eosId] }
}

function esconvRows(text: string, path: string, limit: number): ReplyRow[] {
  const rows: ReplyRow[] = []
  for (const [index, line] of text.split('\n').entries()) {
    if (rows.length >= limit) break
    if (line.trim() === '') continue
    const at = `${path}, line ${index + 1}`
    const utterances: string[] = []
    let seekerSpoke = false
    for (const turn of turns(line, at)) {
      const reply = turn.text.trim()
      if (turn.speaker === 'usr') seekerSpoke = true
      else if (seekerSpoke && reply !== '') {
        rows.push({ utterances: [...utterances], postBlocks: [], situationBlocks: [], reply })
      }
      utterances.push(reply)
    }
  }
  return rows.slice(0, limit)
}

function turns(line: string, at: string): { speaker: string; text: string }[] {
  let conversation: { dialog?: unknown } | null
  try {
    conversation = JSON.parse(line)
  } catch {
    throw new InputError(`${at}: not JSON; ${ADVICE}`)
  }
  const dialog = conversation?.dialog
  if (!Array.isArray(dialog)) throw new InputError(`${at}: has no list “dialog”; ${ADVICE}`)
  return dialog.map((turn: { speaker?: unknown; text?: unknown } | null) => {
    const { speaker, text } = turn ?? {}
    if ((speaker === 'usr' || speaker === 'sys') && typeof text === 'string') return { speaker, text }
    throw new InputError(`${at}: expected a turn of speaker usr or sys with its text, got ${quote(turn)}`)
  })
}
