import { attentionTensors } from '../../nn/attention-tensors.js'
import { crossAttentionLayout, selfAttentionLayout } from '../../nn/decoder-layer.js'
import { embeddingLayout } from '../../nn/embedding.js'
import { encoderLayerLayout } from '../../nn/encoder-layer.js'
import { feedForwardLayout } from '../../nn/feed-forward.js'
import { type Loaded, norm, row, stack, TensorTable } from '../../nn/layout.js'
import type { BackboneConfig } from '../backbone-config.js'

/** What such a checkpoint holds. */
export type BartLayout = ReturnType<typeof bartLayout>

/** All its weights, on the GPU. */
export interface BartWeights extends Loaded<BartLayout['weights']> {
  readonly config: BackboneConfig
}

/** The checkpoint of BART, or of a plain BlenderBot-small (model-spec §1). */
export function bartLayout(config: BackboneConfig) {
  const { dModel: d, encoderFfn, decoderFfn, vocabSize, modelType } = config
  const table = new TensorTable()
  const { embedding, encoder, decoder } = embeddingLayout(table, config, d)
  const layers = <Layer>(side: string, count: number, layout: (layer: string) => Layer): Layer[] =>
    Array.from({ length: count }, (_, i) => layout(`model.${side}.layers.${i}`))
  const decoderLayer = (layer: string) => {
    const self = selfAttentionLayout(table, layer, d)
    const cross = attentionTensors(table, 'decoder-cross', `${layer}.encoder_attn`, d)
    const crossNorm = table.norm('decoder-cross', `${layer}.encoder_attn_layer_norm`, d)
    return {
      ...self,
      ...crossAttentionLayout([cross]),
      /** [d] */
      crossBias: stack(cross.output.bias),
      crossNorm: norm(crossNorm),
      feedForward: feedForwardLayout(table, 'decoder-ffn', layer, d, decoderFfn),
    }
  }
  const encoderLayers = layers('encoder', config.encoderLayers, (layer) =>
    encoderLayerLayout(table, layer, d, encoderFfn),
  )
  const weights = {
    embedding,
    encoder: { layers: encoderLayers, ...encoder },
    decoder: {
      layers: layers('decoder', config.decoderLayers, decoderLayer),
      ...decoder,
      // Where it differs from BART, and from what MISC makes of it.
      normFirst: modelType === 'blenderbot-small',
    },
    /** [V] */
    logitsBias: row(table.tensor('head', 'final_logits_bias', 1, vocabSize)),
  }
  return { tensors: table.tensors, weights }
}
