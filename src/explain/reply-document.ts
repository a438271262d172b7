import type { BlenderbotTypes } from '../engine/blenderbot.js'
import type { ExplainedWord, Explanation, MiscExplanation, MiscWord, Piece } from '../engine/explanation.js'
import type { JointTypes } from '../engine/joint-text.js'
import type { ListenersTypes } from '../engine/listeners-reply.js'
import { POLARITIES } from '../models/listeners/mimicry-layout.js'
import type { DialogueInput, IdsInput } from '../text/dialogue.js'
import { EMPATHETIC_EMOTIONS } from '../text/emotions.js'
import type { StrategyName } from '../text/strategies.js'

/** An explanation of any family's reply. */
export type AnyExplanation =
  | MiscExplanation
  | Explanation<JointTypes>
  | Explanation<BlenderbotTypes>
  | Explanation<ListenersTypes>

/** What made a reply. */
export interface Maker {
  /** What the model is called: `MISC`. */
  readonly title: string
  /** Its folder, as it was given; undefined for the packaged one. */
  readonly model: string | undefined
  readonly version: string
  /** The command that draws it again. */
  readonly again: string
}

/** What `misc explain --json` prints, and a page draws. Probabilities and weights are parts of 1. */
export type ReplyDocument = ReturnType<typeof replyDocument>

/** A word of a {@link ReplyDocument}; what is MISC's alone is missing in those of other families. */
export type DocumentWord = ReplyDocument['words'][number]

/** Numbers of a strategy each. */
export type ByStrategy = Readonly<Record<StrategyName, number>>

export function replyDocument(explanation: AnyExplanation, maker: Maker, input: DialogueInput | IdsInput) {
  const { family, reply, context, words, options, dtype } = explanation
  const { text, ids, finishReason, score, cut, crisis, seed, adapter } = reply
  const dialogue = 'ids' in input ? undefined : input
  const isMisc = family === 'misc'
  return {
    family,
    dialogue: dialogue && { situation: dialogue.situation, utterances: dialogue.dialogue, reply: dialogue.reply },
    reply: { text, ids, finish_reason: finishReason, score, cut, crisis },
    strategies: strategiesOf(explanation, dialogue?.reply?.strategy),
    ...(family === 'listeners' && listenersOf(explanation)),
    blocks: isMisc ? explanation.blocks : undefined,
    context,
    words: words.map(wordDocument),
    made_with: { ...maker, adapter, dtype, seed, options },
  }
}

const wordDocument = (word: ExplainedWord | MiscWord) => ({
  ...({ id: word.id, text: word.text } satisfies Piece),
  probability: word.probability,
  model_probability: word.modelProbability,
  left: word.left,
  candidates: word.candidates,
  ...('attention' in word && {
    contributions: { by_layer: word.contributions.byLayer, sum: word.contributions.sum },
    attention: word.attention,
  }),
})

/** The strategies that a model predicts, the one or the mixture that it was given, and the true one where the input says it. */
function strategiesOf(explanation: AnyExplanation, truly: StrategyName | undefined) {
  if (explanation.family === 'misc') return { ...explanation.strategies, chosen: undefined, true: truly }
  if (explanation.family !== 'joint') return undefined
  const { strategy } = explanation.reply
  return strategy && { predicted: strategy.probs, given: undefined, chosen: strategy.chosen, true: truly }
}

/** What a Transformer, MoEL or MIME thinks of the emotion; MoEL's listeners, and how MIME's two sides stand. */
function listenersOf({ reply: { emotion, listeners } }: Explanation<ListenersTypes>) {
  return { emotions: emotion?.probs, listeners }
}

/** The parts of emotions that MIME counts as positive and as negative; undefined where its names are not those. */
export function polarities(emotions: Readonly<Record<string, number>>) {
  const part = (ids: readonly number[]) => ids.reduce((sum, id) => sum + (emotions[EMPATHETIC_EMOTIONS[id]!] ?? 0), 0)
  return { positive: part(POLARITIES.positive), negative: part(POLARITIES.negative) }
}
