import {
  hiddenStages,
  type ReferenceFile,
  type ReferenceInputs,
  type ReferenceStage,
  readMasked,
  rowsOf,
} from '../reference.js'
import type { GptConfig } from './config.js'
import type { PlacedPrompt } from './model.js'

/**
 * What a capture of a GPT holds. Masked ids, wherever they stand, are left out, and positions run on over them: their keys
 * would have weight 0, and what is computed of them holds no promise.
 *
 * @throws InputError
 */
export async function readGptReference(
  file: ReferenceFile,
  { dModel, decoderLayers, maxPositions, vocabSize }: GptConfig,
): Promise<ReferenceInputs<PlacedPrompt>> {
  const { ids, mask } = await readMasked(file)
  const length = ids.shape[1]!
  if (length > maxPositions) throw file.fault(`${length} ids, the model has ${maxPositions} positions`)
  const masks = rowsOf(mask)
  const decoderPositions = masks.map((row) => [...row.keys()].filter((i) => row[i] !== 0))
  const decoderIds = rowsOf(ids).map((row, b) => decoderPositions[b]!.map((i) => row[i]!))
  // The decoder reads all of it, from the first id on: nothing is before.
  const inputs = decoderIds.map((row, b) => ({ ids: row.slice(0, 1), positions: decoderPositions[b]!.slice(0, 1) }))
  const states = { shape: [...ids.shape, dModel], mask: mask.values }
  return {
    inputs,
    decoderIds,
    decoderPositions,
    contexts: decoderIds,
    sequences: decoderIds,
    stages: new Map<string, ReferenceStage>([
      ...hiddenStages('decoder', decoderLayers, states),
      ['logits', { shape: [...ids.shape, vocabSize], mask: mask.values }],
    ]),
  }
}
