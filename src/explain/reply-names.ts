import type { Piece } from '../engine/explanation.js'
import type { ReplyBlock } from '../engine/reply.js'

/** Whether a piece ends a turn or a reply. */
export const isEnd = ({ text }: Pick<Piece, 'text'>): boolean => text === '__end__' || text === '</s>'

/**
 * What is shown of a piece: without the vocabulary's own mark of a word that goes on, and what has no text by its id.
 *
 * @param more what marks a word that goes on
 */
export function wordOf(piece: Piece, more = '…'): string {
  if (isEnd(piece)) return 'the end'
  return piece.text === '' ? `#${piece.id}` : piece.text.replace(/@@$/, more).trim()
}

/** A block in a line. */
export const blockName = ({ relation, tail }: ReplyBlock): string => `${relation ?? ''} ${tail}`.trim()
