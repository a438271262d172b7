import type { Tensor } from '../gpu/tensor.js'
import { attention } from '../ops/attention.js'
import { attentionTensors } from './attention-tensors.js'
import { feedForward, feedForwardLayout } from './feed-forward.js'
import { type Loaded, linear, norm, type TensorTable } from './layout.js'
import type { Pass } from './pass.js'
import { normed, project, type Rows, settle } from './rows.js'

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

/**
 * x = LN(x + attn(x, source)); x = LN(x + fc2 gelu(fc1 x)).
 *
 * @param source what the rows attend to, as `tiles` say; in self-attention the rows themselves.
 * @returns the tensor of role `encoder.x`.
 */
export function encoderLayer(
  pass: Pass,
  layer: EncoderLayer,
  rows: Rows,
  source: Rows,
  { tiles, heads }: { readonly tiles: Tensor; readonly heads: number },
): Tensor {
  const { recorder, scratch } = pass
  const { x, count } = rows
  const d = x.shape[1]!
  const hidden = (role: string) => scratch.rows(role, count, d)

  const { x: query } = project(pass, 'encoder.query', rows, layer.query)
  const { x: keyValue } = project(pass, 'encoder.key-value', source, layer.keyValue)
  const attended = hidden('encoder.attended')
  const columns = (tensor: Tensor, column: number) => ({ tensor, column })
  const qkv = { q: columns(query, 0), k: columns(keyValue, 0), v: columns(keyValue, d) }
  const headDim = d / heads
  attention(recorder, { ...qkv, tiles, out: attended }, { heads, headDim, scale: 1 / Math.sqrt(headDim) })
  const sum = project(pass, 'encoder.sum', { x: attended, count }, layer.output, { residual: x })
  const middle = normed(sum, layer.norm, hidden('encoder.middle'))

  const last = feedForward(pass, 'encoder.attended', middle, layer.feedForward)
  return settle(pass, normed(last, layer.feedForward.norm, hidden('encoder.x')))
}
