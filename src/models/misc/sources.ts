/** What the decoder attends to. */
export type SourceName = 'context' | 'post' | 'situation' | 'strategy'

/** In the order of eq. 7's summands. */
export const SOURCES = ['context', 'post', 'situation', 'strategy'] as const satisfies readonly SourceName[]
