import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { cleanedWords } from './cleaned-words.js'
import type { Utterance } from './dialogue.js'
import type { ContextCut } from './dialogue-features.js'
import { WORD_IDS, type WordVocabulary } from './word-vocabulary.js'
import { splitSpace } from './words.js'

/** How a dialogue's ids and roles are made. */
export interface WordContextOptions {
  /**
   * Who speaks (default): USR is the seeker, SYS the supporter. `parity`, as released: USR is who speaks first, third and so on,
   * which in ESConv, where one often speaks twice in a row or the supporter begins, is not one person.
   */
  readonly roles?: 'speaker' | 'parity' | undefined
  /** Whether the texts are words with spaces between, as `interact.py` takes them; default: they are cleaned and cut into words. */
  readonly tokenized?: boolean | undefined
}

/** A dialogue as the models of the family read it. */
export interface WordContext {
  /** CLS, then the words of all utterances in a row, with nothing between them. */
  readonly ids: number[]
  /** Who says each: USR or SYS; CLS for CLS. */
  readonly roles: number[]
  readonly cut: ContextCut
}

/**
 * The ids of a dialogue. What is more than `maxPositions` is cut, which the released programs do not: the oldest utterances go,
 * whole; of a last one that alone is too long, the last words stay.
 *
 * @throws InputError for an unknown option
 */
export function wordContext(
  vocabulary: WordVocabulary,
  dialogue: readonly Pick<Utterance, 'speaker' | 'text'>[],
  maxPositions: number,
  { roles = 'speaker', tokenized = false }: WordContextOptions = {},
): WordContext {
  if (roles !== 'speaker' && roles !== 'parity') {
    throw new InputError(`roles must be "speaker" or "parity", got ${quote(roles)}`)
  }
  if (typeof tokenized !== 'boolean') throw new InputError(`tokenized must be true or false, got ${quote(tokenized)}`)
  const wordsOf = tokenized ? splitSpace : cleanedWords
  const all = maxPositions - 1
  const kept: { ids: number[]; role: number }[] = []
  let [room, start, cut] = [all, dialogue.length, 0]
  // From the newest on: what is older than fits costs nothing.
  while (start > 0 && cut === 0) {
    const { speaker, text } = dialogue[start - 1]!
    const ids = wordsOf(text).map((word) => vocabulary.idOf(word))
    const taken = ids.length <= room ? ids : room < all ? [] : ids.slice(ids.length - room)
    cut = ids.length - taken.length
    if (cut > 0 && taken.length === 0) break
    start--
    room -= taken.length
    const isUser = roles === 'speaker' ? speaker === 'seeker' : start % 2 === 0
    kept.unshift({ ids: taken, role: isUser ? WORD_IDS.USR : WORD_IDS.SYS })
  }
  return {
    ids: [WORD_IDS.CLS, ...kept.flatMap(({ ids }) => ids)],
    roles: [WORD_IDS.CLS, ...kept.flatMap(({ ids, role }) => ids.map(() => role))],
    cut: { utterances: start, ids: cut },
  }
}
