import type { BackboneConfig } from '../backbone-config.js'
import {
  expectBatch,
  hiddenStages,
  type ReferenceFile,
  type ReferenceInputs,
  type ReferenceStage,
  readMasked,
  rowsOf,
  unpadded,
} from '../reference.js'
import type { TextIds } from './model.js'

/** What a capture of an encoder-decoder holds. @throws InputError */
export async function readBartReference(
  file: ReferenceFile,
  { dModel, encoderLayers, decoderLayers, vocabSize }: BackboneConfig,
): Promise<ReferenceInputs<TextIds>> {
  const { ids, mask } = await readMasked(file)
  const decoder = await file.matrix('decoder_input_ids', 2)
  expectBatch(file, ids, { decoder_input_ids: decoder.shape })
  const inputs = unpadded(file, ids, mask)
  const decoderIds = rowsOf(decoder)
  const encoded = { shape: [...ids.shape, dModel], mask: mask.values }
  return {
    inputs,
    decoderIds,
    contexts: inputs,
    sequences: [...inputs, ...decoderIds],
    stages: new Map<string, ReferenceStage>([
      ...hiddenStages('encoder', encoderLayers, encoded),
      ['encoder.last_hidden_state', encoded],
      ...hiddenStages('decoder', decoderLayers, { shape: [...decoder.shape, dModel] }),
      ['logits', { shape: [...decoder.shape, vocabSize] }],
    ]),
  }
}
