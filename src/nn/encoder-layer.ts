import { attentionTensors } from './attention-tensors.js'
import { feedForwardLayout } from './feed-forward.js'
import { type Loaded, linear, norm, type TensorTable } from './layout.js'

export type EncoderLayer = Loaded<ReturnType<typeof encoderLayerLayout>>

/** An encoder layer of width d. */
export function encoderLayerLayout(table: TensorTable, layer: string, d: number, feedForward: number) {
  const self = attentionTensors(table, 'encoder', `${layer}.self_attn`, d)
  return {
    /** [d, d] */
    query: linear(self.query),
    /** k_proj over v_proj: [2d, d] */
    keyValue: linear(self.key, self.value),
    output: linear(self.output),
    norm: norm(table.norm('encoder', `${layer}.self_attn_layer_norm`, d)),
    feedForward: feedForwardLayout(table, 'encoder', layer, d, feedForward),
  }
}
