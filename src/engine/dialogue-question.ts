import { seekerMentionsCrisis } from '../text/crisis.js'
import { type DialogueInput, type IdsInput, parseInput, type Utterance } from '../text/dialogue.js'
import { idsFeatures } from '../text/features.js'
import type { JoinedContext } from '../text/joined-context.js'
import type { Tokenizer } from '../text/tokenizer.js'

/** What is asked of a model that reads a dialogue and nothing else: situation and blocks take no part. */
export type DialogueQuestion = DialogueInput | IdsInput

/** A {@link DialogueQuestion}, read. */
export interface DialogueContext extends JoinedContext {
  readonly crisis: boolean
}

/**
 * Checks a question and turns it into ids.
 *
 * @param join makes of utterances a context
 * @throws InputError where it is wrong, or ids come with blocks
 */
export async function readDialogue(
  question: unknown,
  { vocabSize }: Tokenizer,
  maxPositions: number,
  join: (dialogue: readonly Utterance[]) => Promise<JoinedContext>,
): Promise<DialogueContext> {
  const parsed = parseInput(question)
  if ('ids' in parsed) {
    const { contextIds } = idsFeatures(parsed, vocabSize, { maxPositions, postBlocks: 0, situationBlocks: 0 })
    return { contextIds, cut: { utterances: 0, ids: 0 }, crisis: false }
  }
  return { ...(await join(parsed.dialogue)), crisis: seekerMentionsCrisis(parsed) }
}
