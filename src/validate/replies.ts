import { backboneContext, checkVocabulary, dialogueIds, featureLimits, wordVocabulary } from '../engine/model-text.js'
import { InputError } from '../errors.js'
import type { BackboneConfig } from '../models/backbone-config.js'
import type { TextIds } from '../models/bart/model.js'
import type { JointConfig } from '../models/joint/config.js'
import type { JointInput } from '../models/joint/model.js'
import type { ListenersConfig } from '../models/listeners/config.js'
import type { ContextIds } from '../models/listeners/model.js'
import type { MiscConfig } from '../models/misc/config.js'
import type { DialogueIds } from '../models/misc/misc.js'
import type { ModelDescription } from '../models/registry.js'
import { cleanedWords } from '../text/cleaned-words.js'
import type { EsconvRow, Split } from '../text/esconv-row.js'
import { folded } from '../text/joined-context.js'
import { jointFeatures, unnamedReplies } from '../text/joint-features.js'
import { JOINT_PROGRAMS } from '../text/joint-programs.js'
import { readReplyRows } from '../text/reply-rows.js'
import { replyIds } from '../text/row-features.js'
import { Tokenizer } from '../text/tokenizer.js'
import { wordContext } from '../text/word-context.js'
import { WORD_IDS } from '../text/word-vocabulary.js'
import type { ScoredReply } from './perplexity.js'

/** How a model reads the rows of a data set. */
export interface RowReader<Input = unknown> {
  /** The number of ids that take part in scoring: rows of the embedding beyond them are no tokens, or never part of a reply. */
  readonly vocabulary: number
  /** As {@link readReplyRows} takes it. */
  readonly unheard?: boolean
  /** Undefined where the model takes no such row: BlenderBot-Joint, where the reply names no strategy. */
  read(row: EsconvRow): Promise<ScoredReply<Input> | undefined>
}

/** Replies, and the number of ids that take part in scoring them. */
export interface RepliesToScore<Input = unknown> {
  /** What the data says of each. */
  readonly rows: readonly EsconvRow[]
  readonly replies: readonly ScoredReply<Input>[]
  readonly vocabulary: number
}

/**
 * How the model of a folder reads rows, whatever its family.
 *
 * @throws InputError where it replies to no dialogue, or a file of its vocabulary is missing or wrong
 */
export async function rowReader(folder: string, description: ModelDescription): Promise<RowReader> {
  const { family, config, title } = description
  if (family === 'misc') return miscRows(folder, config)
  if (family === 'joint') return jointRows(folder, config)
  if (family === 'listeners') return listenersRows(folder, config)
  if (family === 'bart' && config.modelType !== 'bart') return blenderbotRows(folder, config)
  const what = family === 'bart' ? 'a BART, as COMET-BART is one' : `${title}, as COMET-2019 is one`
  throw new InputError(`${folder}: holds ${what}, which replies to no dialogue: there is nothing of it to score`)
}

/**
 * The first replies of a data set in the ids of a model.
 *
 * @param onWarning told what of the data is left out
 * @throws InputError where the data is missing or wrong, or holds no reply that the model takes
 */
export async function readReplies<Input>(
  reader: RowReader<Input>,
  { data, split, limit }: { data: string; split: Split; limit?: number | undefined },
  onWarning?: (message: string) => void,
): Promise<RepliesToScore<Input>> {
  return repliesOf(reader, await readReplyRows(data, split, limit, onWarning, reader.unheard), data, onWarning)
}

/**
 * The replies of rows in the ids of a model.
 *
 * @param data where they are from, for messages
 * @param onWarning told what of them is left out
 * @param onRow called after each
 * @throws InputError where the model takes none of them
 */
export async function repliesOf<Input>(
  reader: RowReader<Input>,
  all: readonly EsconvRow[],
  data: string,
  onWarning?: (message: string) => void,
  onRow?: () => void,
): Promise<RepliesToScore<Input>> {
  const rows: EsconvRow[] = []
  const replies: ScoredReply<Input>[] = []
  let unnamed = 0
  for (const row of all) {
    const reply = await reader.read(row)
    onRow?.()
    if (reply) {
      rows.push(row)
      replies.push(reply)
    } else unnamed++
  }
  if (replies.length === 0) throw new InputError(unnamedReplies(data, unnamed))
  if (unnamed > 0) onWarning?.(unnamedReplies(data, unnamed))
  return { rows, replies, vocabulary: reader.vocabulary }
}

/** MISC's dialogues with their blocks; a reply is without its strategy. */
export async function miscRows(folder: string, config: MiscConfig): Promise<RowReader<DialogueIds>> {
  const tokenizer = await Tokenizer.load(folder)
  checkVocabulary(tokenizer, config, folder)
  return {
    vocabulary: tokenizer.vocabSize,
    read: async (row) => {
      const ids = await replyIds(tokenizer, row, featureLimits(config))
      return { input: dialogueIds(ids), reply: ids.replyIds }
    },
  }
}

/** BlenderBot-Joint's, by its program; as both evaluate, the strategy that the supporter took is given and not scored. */
async function jointRows(folder: string, config: JointConfig): Promise<RowReader<JointInput>> {
  const tokenizer = await Tokenizer.load(folder)
  checkVocabulary(tokenizer, config, folder)
  return {
    unheard: JOINT_PROGRAMS[config.program].unheard,
    // `codes_zcj` leaves the strategies out of the softmax, `codes` does not.
    vocabulary: config.program === 'codes' ? tokenizer.vocabSize : config.firstStrategyId,
    read: async (row) => {
      const ids = await jointFeatures(tokenizer, config, row, config.maxPositions)
      return ids && { input: { ids: ids.input_ids }, begun: ids.labels.slice(0, 1), reply: ids.labels.slice(1) }
    },
  }
}

/** A plain BlenderBot-small's. */
async function blenderbotRows(folder: string, config: BackboneConfig): Promise<RowReader<TextIds>> {
  const tokenizer = await Tokenizer.load(folder, [])
  checkVocabulary(tokenizer, config, folder)
  const { maxPositions } = config
  return {
    vocabulary: tokenizer.vocabSize,
    read: async ({ context, reply }) => {
      const { contextIds } = await backboneContext(tokenizer, context, config)
      const ids = await tokenizer.encode(folded(reply.text))
      return { input: contextIds, reply: [...ids.slice(0, maxPositions - 1), tokenizer.eosId] }
    },
  }
}

/** Those of Transformer, MoEL and MIME, who takes the means in place of noise, so that a score is no matter of chance. */
async function listenersRows(folder: string, config: ListenersConfig): Promise<RowReader<ContextIds>> {
  const vocabulary = await wordVocabulary(folder, config)
  const { maxPositions } = config
  return {
    vocabulary: vocabulary.size,
    read: async ({ context, reply }) => {
      const { ids, roles } = wordContext(vocabulary, context, maxPositions)
      const words = cleanedWords(reply.text).map((word) => vocabulary.idOf(word))
      return { input: { ids, roles, noise: 'zero' }, reply: [...words.slice(0, maxPositions - 1), WORD_IDS.EOS] }
    },
  }
}
