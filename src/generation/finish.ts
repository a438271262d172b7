/** Why a reply ended: it drew its end id, it reached the longest length allowed, or the caller aborted it. */
export type FinishReason = 'stop' | 'length' | 'aborted'

/**
 * Why a reply ends with the id just drawn; undefined where it goes on.
 *
 * @param length the reply's ids so far with that one, the start id included
 */
export function finishReason(
  id: number,
  length: number,
  options: { readonly eosId: number; readonly maxLength: number },
): Exclude<FinishReason, 'aborted'> | undefined {
  if (id === options.eosId) return 'stop'
  return length >= options.maxLength ? 'length' : undefined
}
