import { type JoinedContext, type JoinedUtterance, joinedContext } from './joined-context.js'
import type { Tokenizer } from './tokenizer.js'
import { SPECIALS } from './vocabulary.js'

/**
 * The ids of a dialogue as a plain BlenderBot-small reads it: utterances joined by newlines, the last `maxPositions` ids, no
 * speakers, no id in front or at the end. White space in an utterance is folded; one without any text is left out.
 *
 * Source: ParlAI, where the 90M model was trained (its history's delimiter is a newline, its text is cut from the left), and the
 * integration tests of transformers, which compare with it.
 */
export function plainContext(
  tokenizer: Tokenizer,
  dialogue: readonly Pick<JoinedUtterance, 'text'>[],
  maxPositions: number,
): Promise<JoinedContext> {
  const said = dialogue.filter(({ text }) => text.trim() !== '').map(({ text }) => ({ label: [], text }))
  const separator = tokenizer.idOf(SPECIALS.newline)!
  return joinedContext(tokenizer, said, { separator, endsLast: false, most: maxPositions, startsAtSeparator: false })
}
