import {
  expectBatch,
  type ReferenceFile,
  type ReferenceInputs,
  type ReferenceStage,
  readMasked,
  rowsOf,
  unpadded,
} from '../reference.js'
import type { ListenersConfig } from './config.js'
import type { ContextIds } from './model.js'
import type { Noise } from './noise.js'

/** What a capture of one of the family holds. What lies beyond the labels of a row, which end with an EOS, holds no promise. @throws InputError */
export async function readListenersReference(
  file: ReferenceFile,
  config: ListenersConfig,
): Promise<ReferenceInputs<ContextIds>> {
  const { dModel, vocabSize, numEmotions, padId } = config
  const { ids, mask } = await readMasked(file)
  const [roles, decoder, labels] = [
    await file.matrix('role_ids', 2),
    await file.matrix('decoder_input_ids', 2),
    await file.matrix('labels', 2),
  ]
  expectBatch(file, ids, { role_ids: roles.shape, decoder_input_ids: decoder.shape, labels: labels.shape })
  for (const [name, { shape }, like] of [
    ['role_ids', roles, ids.shape],
    ['labels', labels, decoder.shape],
  ] as const) {
    if (shape.join() !== like.join()) throw file.fault(`${name} has shape [${shape}], expected [${like}]`)
  }
  const contexts = unpadded(file, ids, mask)
  const roleRows = unpadded(file, roles, mask)
  const noises = config.modelType === 'mime' ? await readNoises(file, contexts.length, dModel) : []
  const inputs = contexts.map((ids, b) => ({ ids, roles: roleRows[b]!, ...(noises[b] && { noise: noises[b] }) }))
  const counts = rowsOf(labels).map((row) => {
    const end = row.findIndex((id) => id === padId || id < 0)
    return end < 0 ? row.length : end
  })
  const decoderIds = rowsOf(decoder).map((row, b) => row.slice(0, counts[b]))
  const batch = contexts.length
  const decoderMask = counts.flatMap((count) => Array.from({ length: decoder.shape[1]! }, (_, i) => Number(i < count)))
  return {
    inputs,
    decoderIds,
    contexts,
    sequences: [...contexts, ...roleRows, ...decoderIds],
    stages: new Map<string, ReferenceStage>([
      ['encoder.last_hidden_state', { shape: [...ids.shape, dModel], mask: mask.values }],
      ['emotion.logits', { shape: [batch, numEmotions] }],
      ...(config.listeners > 0 ? ([['listeners.weights', { shape: [batch, numEmotions] }]] as const) : []),
      ['log_probs', { shape: [...decoder.shape, vocabSize], mask: decoderMask }],
    ]),
  }
}

/** `noise.positive` and `noise.negative`, [contexts, d] each. */
async function readNoises(file: ReferenceFile, contexts: number, d: number): Promise<Noise[]> {
  const [positive, negative] = [
    await file.numbers('noise.positive', [contexts, d]),
    await file.numbers('noise.negative', [contexts, d]),
  ]
  const row = (values: Float32Array, b: number) => values.subarray(b * d, (b + 1) * d)
  return Array.from({ length: contexts }, (_, b) => ({ positive: row(positive, b), negative: row(negative, b) }))
}
