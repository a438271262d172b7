import { InputError } from '../errors.js'
import { firstThere, statIfThere } from '../io/model-folder.js'
import { fileIn, nameOf } from '../io/path-of.js'
import { readTextFile } from '../io/text-file.js'
import { quote } from '../quote.js'
import { ESCONV_EMOTIONS } from './emotions.js'
import type { EsconvRow, EsconvTurn, Split } from './esconv-row.js'
import { pythonShuffle } from './python-shuffle.js'
import type { StrategyLabels } from './strategy-labels.js'
import { splitSpace } from './words.js'

const MAX_FILE_BYTES = 2 ** 28

/** What files of one split are called. */
const SPLIT_NAMES: Readonly<Record<Split, readonly string[]>> = {
  train: ['train'],
  dev: ['valid', 'dev'],
  test: ['test'],
}
const SPLIT_ENDINGS = ['.jsonl', '.json', '.txt']
/** All conversations, as they are published. */
const WHOLE_FILES = ['ESConv.json', 'ESConv.jsonl']

/** By ESConv's own words for them and those of its loaders. */
const SPEAKERS: ReadonlyMap<unknown, EsconvTurn['speaker']> = new Map([
  ...(['seeker', 'speaker', 'usr'] as const).map((name) => [name, 'seeker'] as const),
  ...(['supporter', 'listener', 'sys'] as const).map((name) => [name, 'supporter'] as const),
])

/** A file of conversations: one split, or all of them. */
export interface ConversationsFile {
  readonly path: string
  readonly whole: boolean
}

/**
 * Where a split's conversations lie: in a file of its own (`test.jsonl`), else among all others (`ESConv.json`).
 *
 * @param data a folder, or one such file
 * @returns undefined where a folder holds neither
 * @throws InputError where `data` is the file of another split
 */
export async function findConversations(data: string, split: Split): Promise<ConversationsFile | undefined> {
  if (!(await statIfThere(data))?.isDirectory()) {
    const owner = Object.entries(SPLIT_NAMES).find(([, names]) => names.includes(nameOf(data)))?.[0]
    if (owner === undefined || owner === split) return { path: data, whole: owner === undefined }
    throw new InputError(`${data}: is the file of another split than ${split}; give its folder, or --split ${owner}`)
  }
  const find = (names: readonly string[]) => firstThere(names.map((name) => fileIn(data, name)))
  const own = await find(SPLIT_NAMES[split].flatMap((name) => SPLIT_ENDINGS.map((ending) => name + ending)))
  if (own) return { path: own, whole: false }
  const whole = await find(WHOLE_FILES)
  return whole ? { path: whole, whole: true } : undefined
}

/**
 * The rows of a split: every supporter's turn that stands after a seeker's, in the order of the conversations. They have no
 * blocks.
 *
 * A file is a JSON list of conversations, or has one a line. A conversation's `dialog` lists turns as ESConv is published,
 * `{"speaker": "supporter", "content", "annotation": {"strategy"}}`, or as its loaders write them, `{"speaker": "sys", "text",
 * "strategy"}`.
 *
 * @param unheard whether a supporter's second turn is a row too where the seeker has said nothing yet, as codes_zcj takes it
 * @throws InputError naming the file and line
 */
export async function readConversations(
  { path, whole }: ConversationsFile,
  split: Split,
  labels: StrategyLabels,
  limit: number,
  unheard = false,
): Promise<EsconvRow[]> {
  const all = entries(await readTextFile(path, MAX_FILE_BYTES), path)
  const rows: EsconvRow[] = []
  for (const { at, read } of whole ? partOf(all, split) : all) {
    if (rows.length >= limit) break
    const { emotion, turns } = conversation(read(), at, labels)
    const first = turns.findIndex(({ speaker }) => speaker === 'seeker')
    for (const [index, reply] of turns.entries()) {
      if (reply.speaker !== 'supporter' || reply.text === '' || index === 0) continue
      if (!unheard && (first < 0 || index < first)) continue
      rows.push({
        ...{ split, row: rows.length, emotion, reply, postBlocks: [], situationBlocks: [] },
        place: { turn: index + 1, of: turns.length },
        // Made when it is asked for: those of all rows together grow with the square of a conversation's length.
        get context() {
          return turns.slice(0, index)
        },
      })
    }
  }
  return rows.slice(0, limit)
}

/**
 * A split of all conversations, as ESConv's authors cut it: shuffled with seed 13, then 15 % valid, 15 % test, the rest train.
 * Of the 1300 that are published these are 195, 195 and 910.
 *
 * Source: codes_zcj/_reformat/process.py of thu-coai/Emotional-Support-Conversation.
 */
function partOf<T>(conversations: readonly T[], split: Split): T[] {
  const held = Math.floor(0.15 * conversations.length)
  const order = pythonShuffle(conversations.length, 13)
  const [start, end] = { dev: [0, held], test: [held, 2 * held], train: [2 * held, order.length] }[split]
  return order.slice(start, end).map((index) => conversations[index]!)
}

/** The conversations of a file, each with its place for messages. */
function entries(text: string, path: string): { at: string; read: () => unknown }[] {
  if (!path.endsWith('.jsonl') && text.trimStart().startsWith('[')) {
    return (json(text, path) as unknown[]).map((value, index) => ({
      at: `${path}, conversation ${index + 1}`,
      read: () => value,
    }))
  }
  return text.split('\n').flatMap((line, index) => {
    const at = `${path}, line ${index + 1}`
    return line.trim() === '' ? [] : [{ at, read: () => json(line, at) }]
  })
}

function json(text: string, at: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new InputError(`${at}: not JSON; a file of ESConv is a JSON list of conversations, or has one a line`)
  }
}

function conversation(value: unknown, at: string, labels: StrategyLabels) {
  const { dialog, emotion_type: emotion } = (value ?? {}) as Record<string, unknown>
  if (!Array.isArray(dialog)) throw new InputError(`${at}: has no list “dialog”, as a conversation of ESConv does`)
  const number = (ESCONV_EMOTIONS as readonly unknown[]).indexOf(emotion)
  return { emotion: number < 0 ? null : number, turns: dialog.map((turn) => esconvTurn(turn, at, labels)) }
}

function esconvTurn(value: unknown, at: string, labels: StrategyLabels): EsconvTurn {
  const turn = (value ?? {}) as Record<string, unknown>
  const speaker = SPEAKERS.get(turn.speaker)
  const said = turn.text ?? turn.content
  if (speaker === undefined || typeof said !== 'string') {
    throw new InputError(
      `${at}: expected a turn of speaker usr or sys with its text, or seeker or supporter with its content, got ${quote(value)}`,
    )
  }
  // White space as the authors' program leaves it.
  const text = splitSpace(said).join(' ')
  const label = turn.strategy ?? (turn.annotation as Record<string, unknown> | null | undefined)?.strategy
  if (speaker === 'seeker') return { speaker, strategy: null, text }
  return typeof label === 'string'
    ? { speaker, strategy: labels.strategy(label), text }
    : { speaker, ...labels.split(text) }
}
