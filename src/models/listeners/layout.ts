import type { Tensor } from '../../gpu/tensor.js'
import { type Loaded, matrix, stack, TensorTable } from '../../nn/layout.js'
import type { ListenersConfig } from './config.js'
import { decoderLayerLayout, encoderLayout, gammaBeta, linear, norms } from './layer-layouts.js'
import { mimicryLayout } from './mimicry-layout.js'

/** What a checkpoint of the family holds (baselines §5). */
export type ListenersLayout = ReturnType<typeof listenersLayout>

/** All its weights, on the GPU. */
export interface ListenersWeights extends Loaded<ListenersLayout['weights']> {
  readonly config: ListenersConfig
  /** S [positions, d]: the timing signal. It is computed, and no file's. */
  readonly timing: Tensor
}

/** The checkpoint of one of the family, by the names of the released state dicts. */
export function listenersLayout(config: ListenersConfig) {
  const { modelType, dModel: d, vocabSize, numEmotions, decoderLayers, weightSharing } = config
  const table = new TensorTable()
  const words = { name: 'embedding.lut.weight', shape: [vocabSize, d], role: 'embedding' }
  const embedding = table.add(weightSharing ? { ...words, copies: ['generator.proj.weight'] } : words)
  const [moel, mime] = [modelType === 'moel', modelType === 'mime']
  const listeners = Array.from({ length: moel ? numEmotions : 0 }, (_, i) => `decoder.experts.${i}`)
  const weights = {
    /** [V, d] */
    embedding: matrix(embedding),
    encoder: encoderLayout(table, 'encoder', d, config),
    decoder: {
      /** [d, d] */
      projection: linear(table.tensor('decoder', 'decoder.embedding_proj.weight', d, d)),
      /** The listeners, and the basic one behind them. */
      ...(moel && { listeners: decoderLayerLayout(table, [...listeners, 'decoder.basic'], config, 'listeners') }),
      layers: Array.from({ length: decoderLayers }, (_, i) => decoderLayerLayout(table, [`decoder.dec.${i}`], config)),
      norm: norms([gammaBeta(table, 'decoder', 'decoder.layer_norm', d)]),
    },
    /** From the context's first state to emotions, [K, d]. MIME has a way of its own. */
    ...(mime && { mimicry: mimicryLayout(table, config) }),
    ...(!mime && { emotions: linear(table.tensor('emotions', 'decoder_key.weight', numEmotions, d)) }),
    generator: {
      /** [V, d], where it is not the embedding. */
      ...(!weightSharing && { weight: matrix(table.tensor('generator', 'generator.proj.weight', vocabSize, d)) }),
      /** [V] */
      bias: stack(table.tensor('generator', 'generator.proj.bias', vocabSize)),
    },
  }
  table.linear('unused', 'generator.p_gen_linear', 1, d)
  if (mime) table.tensor('unused', 'decoder_key.weight', numEmotions, d)
  return { tensors: table.tensors, weights }
}
