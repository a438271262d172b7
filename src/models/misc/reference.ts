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
import type { MiscConfig } from './config.js'
import type { DialogueIds } from './misc.js'

/** What a capture of MISC holds. @throws InputError */
export async function readMiscReference(
  file: ReferenceFile,
  { dModel, encoderLayers, decoderLayers, numStrategies, vocabSize }: MiscConfig,
): Promise<ReferenceInputs<DialogueIds>> {
  const { ids, mask } = await readMasked(file)
  const post = await readBlocks(file, 'post_blocks')
  const situation = await readBlocks(file, 'situation_blocks')
  const decoder = await file.matrix('decoder_input_ids', 2)
  expectBatch(file, ids, {
    post_blocks: post.mask.shape,
    situation_blocks: situation.mask.shape,
    decoder_input_ids: decoder.shape,
  })
  const contexts = unpadded(file, ids, mask)
  const inputs = contexts.map((context, b) => ({ context, post: post.blocks[b]!, situation: situation.blocks[b]! }))
  const decoderIds = rowsOf(decoder)
  const batch = ids.shape[0]!
  const encoded = { shape: [...ids.shape, dModel], mask: mask.values }
  const ofBlocks = ({ mask }: typeof post) => ({ shape: [...mask.shape, dModel], mask: mask.values })
  return {
    inputs,
    decoderIds,
    contexts,
    sequences: [...inputs.flatMap(({ context, post, situation }) => [context, ...post, ...situation]), ...decoderIds],
    stages: new Map<string, ReferenceStage>([
      ...hiddenStages('encoder', encoderLayers, encoded),
      ['encoder.last_hidden_state', encoded],
      ['blocks.post', ofBlocks(post)],
      ['blocks.situation', ofBlocks(situation)],
      ['fusion.post', ofBlocks(post)],
      ['fusion.situation', ofBlocks(situation)],
      ['strategy.logits', { shape: [batch, numStrategies] }],
      ['strategy.probs', { shape: [batch, numStrategies] }],
      ['strategy.representation', { shape: [batch, dModel] }],
      ...hiddenStages('decoder', decoderLayers, { shape: [...decoder.shape, dModel] }),
      ['logits', { shape: [...decoder.shape, vocabSize] }],
    ]),
  }
}

async function readBlocks(file: ReferenceFile, name: string) {
  // A reference may have no blocks at all: [batch, 0, length].
  const ids = await file.matrix(`${name}.input_ids`, 3, 1)
  const mask = await file.matrix(`${name}.mask`, 2, 1)
  const [batch = 0, count = 0] = ids.shape
  if (mask.shape.join() !== [batch, count].join()) {
    throw file.fault(`${name}.mask has shape [${mask.shape}], expected [${batch}, ${count}]`)
  }
  const rows = rowsOf(ids).map((row) => row.slice(0, row.findLastIndex((id) => id !== 0) + 1))
  const blocks = Array.from({ length: batch }, (_, b) =>
    rows.slice(b * count, (b + 1) * count).filter((_, i) => mask.values[b * count + i] !== 0),
  )
  return { blocks, mask }
}
