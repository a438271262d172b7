/** What the decoder attends to, in the order of eq. 7's summands. */
export const SOURCES = ['context', 'post', 'situation', 'strategy'] as const

/** One of {@link SOURCES}. */
export type SourceName = (typeof SOURCES)[number]
