import type { Tensor } from '../../gpu/tensor.js'
import type { NewRows } from '../../nn/kv-cache.js'
import type { Norm } from '../../nn/layout.js'
import type { Pass } from '../../nn/pass.js'
import { normed as leaveNorm, project, type Rows, settle, windowed } from '../../nn/rows.js'
import { attention } from '../../ops/attention.js'
import { cachedAttention } from '../../ops/cached-attention.js'
import type { Choices } from '../../ops/choices.js'
import { chosenMatmul } from '../../ops/chosen-matmul.js'
import { crossAttention } from '../../ops/cross-attention.js'
import { chosenLayerNorm } from '../../ops/layer-norm.js'
import type { Activation } from '../../ops/matmul.js'
import { windows } from '../../ops/windows.js'
import type { ListenersCache } from './cache.js'
import type { DecoderLayer, EncoderLayer, FeedForward } from './layer-layouts.js'

/** Where the sequences of an encoder's rows begin and end. */
export interface Bounds {
  readonly tiles: Tensor
  readonly edges: Tensor
}

/** How rows go through a layer: all through the one there is; or each through those chosen for its sequence, out of `count`. */
export interface Way extends Choices {
  readonly count: number
}

/** A layer, or layers to choose from. */
interface Linear {
  readonly weight: Tensor
  readonly bias?: Tensor
}

interface ThroughOptions {
  readonly activation?: Activation
  readonly residual?: Tensor
  /** Columns are queries, keys, values: see {@link ChosenMatmulOptions.parts}. */
  readonly parts?: number
}

/** LN(x) by the sample deviation (baselines §1.1), in the tensor of this role, or left to the product that reads it. */
export function normed({ recorder, scratch }: Pass, role: string, rows: Rows, norm: Norm, way?: Way): Rows {
  const { x, count } = rows
  const options = { eps: 1e-6, by: 'sample deviation' } as const
  const places = way?.table.shape[1] ?? 1
  const out = scratch.rows(role, count, places * norm.weight.shape.at(-1)!)
  if (!way) return leaveNorm(rows, norm, out, options)
  chosenLayerNorm(recorder, { x, ...norm, out }, way, count, options)
  return { x: out, count }
}

/** activation(rows · weightᵀ + bias) + residual, in the tensor of this role. */
export function through(
  pass: Pass,
  role: string,
  rows: Rows,
  linear: Linear,
  { parts, ...options }: ThroughOptions = {},
  way?: Way,
): Rows {
  if (!way) return project(pass, role, rows, linear, options)
  const { count } = rows
  const x = settle(pass, rows)
  const { activation, residual } = options
  const places = way.table.shape[1]!
  const out = pass.scratch.rows(role, count, (places * linear.weight.shape[0]!) / way.count)
  const tensors = { x, ...linear, residual, out }
  chosenMatmul(pass.recorder, tensors, way, count, { layers: way.count, activation, ...(parts && { parts }) })
  return { x: out, count }
}

/** x + ReLU(conv(ReLU(conv(LN x)))) (baselines §1.4): the windows are the encoder's, or the causal ones. */
function feedForward(
  pass: Pass,
  side: string,
  rows: Rows,
  { norm, expand, contract }: FeedForward,
  windowsOf: (rows: Rows, kept: 'input' | 'hidden') => Rows,
  way?: Way,
): Rows {
  const y = normed(pass, `${side}.normed`, rows, norm, way)
  const hidden = through(pass, `${side}.hidden`, windowsOf(y, 'input'), expand, { activation: 'relu' }, way)
  const last = { activation: 'relu', residual: rows.x } as const
  return through(pass, `${side}.x`, windowsOf(hidden, 'hidden'), contract, last, way)
}

/**
 * x = x + attn(LN x); x = x + FFN(LN x), over the rows of sequences one after the other.
 *
 * @param rows in the tensor of role `encoder.x`, where those that come out are left.
 */
export function encoderLayer(pass: Pass, rows: Rows, layer: EncoderLayer, bounds: Bounds, heads: number): Rows {
  const { recorder, scratch } = pass
  const { count } = rows
  const depth = layer.output.weight.shape[1]!
  const y = normed(pass, 'encoder.normed', rows, layer.norm)
  const { x: qkv } = through(pass, 'encoder.qkv', y, layer.queryKeyValue)
  const attended = scratch.rows('encoder.attended', count, depth)
  const columns = (column: number) => ({ tensor: qkv, column })
  const qkvColumns = { q: columns(0), k: columns(depth), v: columns(2 * depth) }
  const headDim = depth / heads
  const sizes = { heads, headDim, scale: 1 / Math.sqrt(headDim) }
  attention(recorder, { ...qkvColumns, tiles: bounds.tiles, out: attended }, sizes)
  const middle = through(pass, 'encoder.middle', { x: attended, count }, layer.output, { residual: rows.x })
  return feedForward(pass, 'encoder', middle, layer.feedForward, (of, kept) => {
    const x = settle(pass, of)
    const out = scratch.rows(`encoder.windows.${kept}`, count, 3 * x.shape[1]!)
    windows(recorder, { x, edges: bounds.edges, out }, count)
    return { x: out, count }
  })
}

/**
 * x = x + causal attn(LN x); x = x + attn(LN x, memory); x = x + causal FFN(LN x): for layer i's new rows. Where there is a
 * way, all layers that it names for a row run side by side: their heads lie side by side in the cache, their rows in x.
 *
 * @param side what roles begin with.
 * @param rows [sequences · newRows, d], or of each place
 * @returns the tensor of role `{side}.x`
 */
export function decoderLayer(
  pass: Pass,
  side: string,
  rows: Rows,
  layer: DecoderLayer,
  cache: ListenersCache,
  i: number,
  input: NewRows,
  way?: Way,
): Rows {
  const { recorder, scratch } = pass
  const { count } = rows
  const { sequences, newRows, lengths, table, slots } = input
  const { keys, values } = cache.self[i]!
  const width = keys.shape[2]!
  const heads = cache.heads * (way?.table.shape[1] ?? 1)
  const attended = scratch.rows(`${side}.attended`, count, width)
  const sizes = { sequences, newRows, heads }

  const y = normed(pass, `${side}.normed`, rows, layer.selfNorm, way)
  const { x: qkv } = through(pass, `${side}.qkv`, y, layer.queryKeyValue, { parts: 3 }, way)
  cachedAttention(recorder, { qkv, keys, values, lengths, table, out: attended }, sizes)
  const said = { x: attended, count }
  const middle = through(pass, `${side}.middle`, said, layer.selfOutput, { residual: rows.x }, way)

  const z = normed(pass, `${side}.normed`, middle, layer.crossNorm, way)
  const { x: q } = through(pass, `${side}.query`, z, layer.crossQuery, {}, way)
  crossAttention(recorder, { q, kv: cache.cross[i]!, ranges: cache.ranges, slots, out: attended }, sizes)
  const heard = through(pass, `${side}.heard`, said, layer.crossOutput, { residual: middle.x }, way)

  return feedForward(
    pass,
    side,
    heard,
    layer.feedForward,
    (of, kept) => {
      const last = cache.windows[i]![kept]
      const out = scratch.rows(`${side}.windows.${kept}`, count, 3 * last.shape[2]!)
      return windowed(of, { last, lengths, table, sequences, newRows, out })
    },
    way,
  )
}
