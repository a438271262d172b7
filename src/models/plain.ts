import { attentionTensors } from '../nn/attention-tensors.js'
import { embeddingLayout } from '../nn/embedding.js'
import { encoderLayerLayout } from '../nn/encoder-layer.js'
import { feedForwardLayout } from '../nn/feed-forward.js'
import { linear, norm, row, TensorTable } from '../nn/layout.js'
import { type MiscConfig, positionRows } from './misc/config.js'

/** The checkpoint of a plain backbone, BlenderBot-small or BART (model-spec §1): described, and not run yet. */
export function plainLayout(config: MiscConfig) {
  const { dModel: d, encoderFfn, decoderFfn, vocabSize } = config
  const table = new TensorTable()
  const { embedding, encoder, decoder } = embeddingLayout(table, vocabSize, positionRows(config), d)
  const layers = <Layer>(side: 'encoder' | 'decoder', count: number, layout: (layer: string) => Layer): Layer[] =>
    Array.from({ length: count }, (_, i) => layout(`model.${side}.layers.${i}`))
  const decoderLayer = (layer: string) => {
    const self = attentionTensors(table, 'decoder-self', `${layer}.self_attn`, d)
    const selfNorm = table.norm('decoder-self', `${layer}.self_attn_layer_norm`, d)
    const cross = attentionTensors(table, 'decoder-cross', `${layer}.encoder_attn`, d)
    const crossNorm = table.norm('decoder-cross', `${layer}.encoder_attn_layer_norm`, d)
    return {
      queryKeyValue: linear(self.query, self.key, self.value),
      output: linear(self.output),
      norm: norm(selfNorm),
      crossQuery: linear(cross.query),
      crossKeyValue: linear(cross.key, cross.value),
      crossOutput: linear(cross.output),
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
