import { attention, attentionTiles } from '../ops/attention.js'
import { cachedAttention } from '../ops/cached-attention.js'
import { crossAttention } from '../ops/cross-attention.js'
import type { KernelCaseMaker } from './kernel-case.js'
import type { MiscRig } from './misc-rig.js'
import { sum } from './statistics.js'

/** Attention of the encoder and of the fusion, and that of a decode step over the caches of {@link MiscRig.slots}. */
export function attentionCases(rig: MiscRig): KernelCaseMaker[] {
  const { encoderHeads } = rig.weights.config
  const { context } = rig.workload
  const blocks = rig.blocks.map((ids) => ids.length)
  return [
    encoderAttention('context', [context], [context], encoderHeads),
    ...(blocks.length > 0
      ? [
          encoderAttention('blocks', blocks, blocks, encoderHeads),
          encoderAttention('fusion', [blocks.length], [context], 1),
        ]
      : []),
    overCache,
    overSources,
  ]
}

function encoderAttention(name: string, queries: number[], keys: number[], heads: number): KernelCaseMaker {
  return ({ weights }, tensors) => {
    const d = weights.config.dModel
    const headDim = d / heads
    const keyValue = tensors.random('k|v', sum(keys), 2 * d)
    const q = { tensor: tensors.random('q', sum(queries), d), column: 0 }
    const [k, v] = [0, d].map((column) => ({ tensor: keyValue, column })) as [typeof q, typeof q]
    const corners = attentionTiles(queries, keys)
    const tiles = tensors.of('tiles', [corners.length / 4, 4], corners)
    const out = tensors.random('out', sum(queries), d)
    const options = { heads, headDim, scale: 1 / Math.sqrt(headDim) }
    return {
      op: 'attention',
      shape: `${sum(queries)} × ${sum(keys)} ${name}`,
      flops: 4 * d * sum(queries.map((length, i) => length * keys[i]!)),
      bytes: keyValue.bytes + q.tensor.bytes + out.bytes,
      layers: 1,
      record: (recorder) => attention(recorder, { q, k, v, tiles, out }, options),
    }
  }
}

/** In the middle of a reply. */
const overCache: KernelCaseMaker = ({ slots, weights, workload }, tensors) => {
  const { batch, tokens } = workload
  const { dModel: d, decoderHeads: heads } = weights.config
  const length = Math.ceil(tokens / 2)
  const lengths = tensors.of('lengths', [batch], new Uint32Array(batch).fill(length))
  const table = tensors.of('table', [batch], Uint32Array.from(Array(batch).keys()))
  const qkv = tensors.random('qkv', batch, 3 * d)
  const out = tensors.random('out', batch, d)
  return {
    op: 'cached-attention',
    shape: `${batch} × ${length} cached`,
    flops: 4 * d * batch * (length + 1),
    bytes: 4 * batch * 2 * d * (length + 1) + qkv.bytes + out.bytes,
    layers: slots.cache.self.length,
    record: (recorder, layer) =>
      cachedAttention(
        recorder,
        { qkv, ...slots.cache.self[layer]!, lengths, table, out },
        { sequences: batch, newRows: 1, heads },
      ),
  }
}

const overSources: KernelCaseMaker = ({ slots: { cache }, weights, workload }, tensors) => {
  const { batch, context, postBlocks, situationBlocks } = workload
  const { dModel: d, decoderHeads: heads } = weights.config
  const { cross, ranges } = cache
  const slots = tensors.of('slots', [batch], Uint32Array.from(Array(batch).keys()))
  const states = context + postBlocks + situationBlocks
  const q = tensors.random('q', batch, 3 * d)
  const out = tensors.random('out', batch, 3 * d)
  const sizes = { sequences: batch, newRows: 1, heads }
  return {
    op: 'cross-attention',
    shape: `${batch} × (${context} + ${postBlocks} + ${situationBlocks})`,
    flops: 4 * d * batch * states,
    bytes: 4 * batch * 2 * d * states + q.bytes + out.bytes,
    layers: cross.length,
    record: (recorder, layer) => crossAttention(recorder, { q, kv: cross[layer]!, ranges, slots, out }, sizes),
  }
}
