import { attentionTensors } from '../nn/attention-tensors.js'
import { crossAttentionLayout, selfAttentionLayout } from '../nn/decoder-layer.js'
import { embeddingLayout } from '../nn/embedding.js'
import { encoderLayerLayout } from '../nn/encoder-layer.js'
import { feedForwardLayout } from '../nn/feed-forward.js'
import { norm, row, stack, TensorTable } from '../nn/layout.js'
import { type MiscConfig, positionRows } from './misc/config.js'

/** The checkpoint of a plain backbone, BlenderBot-small or BART (model-spec §1): described, and not run yet. */
export function plainLayout(config: MiscConfig) {
  const { dModel: d, encoderFfn, decoderFfn, vocabSize } = config
  const table = new TensorTable()
  const { embedding, encoder, decoder } = embeddingLayout(table, vocabSize, positionRows(config), d)
  const layers = <Layer>(side: 'encoder' | 'decoder', count: number, layout: (layer: string) => Layer): Layer[] =>
    Array.from({ length: count }, (_, i) => layout(`model.${side}.layers.${i}`))
  const decoderLayer = (layer: string) => {
    const self = selfAttentionLayout(table, layer, d)
    const cross = attentionTensors(table, 'decoder-cross', `${layer}.encoder_attn`, d)
    const crossNorm = table.norm('decoder-cross', `${layer}.encoder_attn_layer_norm`, d)
    return {
      ...self,
      ...crossAttentionLayout([cross]),
      crossBias: stack(cross.output.bias),
      crossNorm: norm(crossNorm),
      feedForward: feedForwardLayout(table, 'decoder-ffn', layer, d, decoderFfn),
    }
  }
  const weights = {
    embedding,
    encoder: {
      layers: layers('encoder', config.encoderLayers, (layer) => encoderLayerLayout(table, layer, d, encoderFfn)),
      ...encoder,
    },
    decoder: { layers: layers('decoder', config.decoderLayers, decoderLayer), ...decoder },
    logitsBias: row(table.tensor('head', 'final_logits_bias', 1, vocabSize)),
  }
  return { tensors: table.tensors, weights }
}
