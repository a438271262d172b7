import type { MiscConfig } from '../models/misc/config.js'
import type { DialogueIds } from '../models/misc/misc.js'

/** A dialogue of lengths that are often met, as far as a model takes them: what is compiled for it serves most. */
export function usualDialogue({
  maxPositions,
  maxPostBlocks,
  maxSituationBlocks,
  maxBlockLength,
}: MiscConfig): DialogueIds {
  const ids = (length: number) => new Array<number>(length).fill(0)
  const blocks = (count: number) =>
    Array.from({ length: count }, (_, i) => [i, ...ids(Math.min(4, maxBlockLength - 1))])
  const [post, situation] = [blocks(Math.min(30, maxPostBlocks)), blocks(Math.min(20, maxSituationBlocks))]
  return { context: ids(Math.min(200, maxPositions)), post, situation }
}
