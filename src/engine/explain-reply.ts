import { candidates } from '../generation/candidates.js'
import type { ResolvedOptions } from '../generation/options.js'
import { processScores } from '../generation/processors.js'
import { dtypeOf } from '../nn/embedding.js'
import type { EngineTypes } from './engine-types.js'
import { type ExplainedWord, type Explanation, MOST_CANDIDATES, type Piece } from './explanation.js'
import { type Replay, replay } from './replay.js'
import type { DrawnReply } from './reply.js'
import type { ReplyDecoder } from './reply-decoder.js'
import { softmaxAt } from './source-attention.js'
import type { ReadQuestion, TextSide } from './text-side.js'

/** A reply, and how it came about. */
export interface DrawnQuestion<Types extends EngineTypes> {
  readonly family: Types['family']
  readonly reply: DrawnReply & Types['details']
  readonly read: ReadQuestion<Types>
  readonly options: ResolvedOptions
  /** The id that was drawn for the opening, where it has one. */
  readonly opened: number | undefined
}

/** A family's own look at a replay. */
export interface Look<Types extends EngineTypes, Seen> {
  /** Whether a stage is kept, by the name that a pass tells. */
  isWanted(stage: string): boolean
  /** @param words how many there are: rows of each stage, from the first on */
  see(
    decoder: ReplyDecoder<Types['input'], Types['told']>,
    replayed: Replay<Types['told']>,
    input: Types['input'],
    words: number,
  ): Promise<Seen>
}

/** Replays a reply, and tells of its words. Needs the encoder's memory to itself. */
export async function explainReply<Types extends EngineTypes, Seen>(
  decoder: ReplyDecoder<Types['input'], Types['told']>,
  words: TextSide<Types>['words'],
  { family, reply, read, options, opened }: DrawnQuestion<Types>,
  look: Look<Types, Seen> | undefined,
): Promise<{ readonly explanation: Explanation<Types>; readonly seen: Seen | undefined }> {
  const { rules, model } = decoder
  const isEnded = reply.finishReason === 'stop' && rules.eosIds.length === 1
  const ids = isEnded ? [...reply.ids, rules.eosIds[0]!] : reply.ids
  const input = opened === undefined ? read.input : read.opening!.chosen(opened)
  const begun = [...(read.begun ?? []), ...(opened === undefined ? [] : [opened])]
  const before = [...(options.penalizeContext ? read.context : []), rules.decoderStartId, ...begun]
  // What was drawn for the opening, in the same row as the words, counts as one.
  const counted = opened !== undefined && options.numBeams === 1 ? 1 : 0
  const piece = (id: number): Piece => {
    const stream = words.stream(true)
    return { id, text: stream.push(id) + stream.end() }
  }
  const isWanted = (stage: string) => look?.isWanted(stage) ?? false
  return replay(decoder, input, ids.slice(0, -1), isWanted, async (replayed) => {
    const scoresOf = replayed.stage('scores')
    const explained = ids.map((id, i): ExplainedWord => {
      const scores = scoresOf.slice(i * model.config.vocabSize, (i + 1) * model.config.vocabSize)
      const modelProbability = softmaxAt(scores, id)
      const history = [...before, ...ids.slice(0, i)]
      const longest = { ...options, maxLength: options.maxLength + counted }
      processScores(scores, { history, drawn: counted + i }, longest, rules)
      const { left, best, probabilityOf } = candidates(scores, options, MOST_CANDIDATES)
      // 0 only where rounding kept it at the very edge of top-p, and leaves it out here.
      const probability = probabilityOf(id)
      return {
        ...piece(id),
        probability,
        modelProbability,
        left,
        candidates: best.map((it) => ({ ...piece(it.id), ...it })),
      }
    })
    return {
      explanation: {
        family,
        reply,
        context: read.context.map(piece),
        words: explained,
        options,
        dtype: dtypeOf(model.weights),
      },
      seen: await look?.see(decoder, replayed, input, ids.length),
    }
  })
}
