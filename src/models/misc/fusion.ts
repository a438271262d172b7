import type { Tensor } from '../../gpu/tensor.js'
import type { Pass } from '../../nn/pass.js'
import { type RaggedBatch, uploadTiles } from '../../nn/ragged-batch.js'
import { project } from '../../nn/rows.js'
import { attention, type Columns } from '../../ops/attention.js'
import { copyRows } from '../../ops/copy-rows.js'
import { layerNorm } from '../../ops/layer-norm.js'
import type { PaperFusion, ReleasedFusionLayer } from './layout.js'

/** The released fusion's layer norms have an eps of their own. */
const fusionEps = 1e-8

/** The blocks of one source (post or situation) of every dialogue of a batch, dialogue after dialogue. */
export interface BlockSource {
  readonly name: 'post' | 'situation'
  /** Blocks of each dialogue. */
  readonly counts: readonly number[]
  readonly rows: number
  /** H [rows, d]: Ĥ before fusion, the fused states after it. */
  readonly states: Tensor
}

/** Gathers Ĥ of one source from the block cache into a tensor of its own. */
export function gatherBlocks(
  { recorder, scratch }: Pass,
  name: BlockSource['name'],
  cache: Tensor,
  rowsOfDialogues: readonly (readonly number[])[],
): BlockSource {
  const from = Uint32Array.from(rowsOfDialogues.flat())
  const states = scratch.rows(`fusion.${name}`, from.length, cache.shape[1]!)
  const tensors = { source: cache, from: scratch.upload('fusion.from', [from.length], from), target: states }
  copyRows(recorder, tensors, from.length)
  return { name, counts: rowsOfDialogues.map((it) => it.length), rows: from.length, states }
}

/** Eq. 4 as printed: H = LN( Ĥ + softmax(Ĥ Cᵀ) C ), once, after the last encoder layer. */
export function fusePaper(
  pass: Pass,
  fusion: PaperFusion,
  context: Tensor,
  batch: RaggedBatch,
  blocks: BlockSource,
): BlockSource {
  const { name, states, rows } = blocks
  const attended = attendToContext(pass, blocks, batch, {
    q: { tensor: states, column: 0 },
    k: { tensor: context, column: 0 },
    v: { tensor: context, column: 0 },
    scale: 1,
  })
  const fused = pass.scratch.rows(`fusion.${name}.fused`, rows, context.shape[1]!)
  layerNorm(pass.recorder, { x: states, residual: attended, ...fusion[name], out: fused }, rows)
  return { ...blocks, states: fused }
}

/**
 * Eq. 4 as released, after encoder layer i with its context output X:
 * S = (q_proj X)(k_proj H)ᵀ·√d, A = softmax(Sᵀ), Y = LN₂(A·v1_proj X + v2_proj H), H ← LN₃(relu(FN Y) + Y). In place.
 */
export function fuseReleased(
  pass: Pass,
  fusion: ReleasedFusionLayer,
  context: Tensor,
  batch: RaggedBatch,
  blocks: readonly BlockSource[],
): void {
  const { recorder, scratch } = pass
  const d = context.shape[1]!
  const present = blocks.filter((it) => it.rows > 0)
  if (present.length === 0) return
  const { x: projected } = project(pass, 'fusion.context', { x: context, count: batch.rows }, fusion.context)

  for (const source of present) {
    const { name, states, rows: count } = source
    const { key, value, norm2, feedForward, norm3 } = fusion[name]
    const h = { x: states, count }
    const y = scratch.rows('fusion.y', count, d)
    const { x: keys } = project(pass, 'fusion.keys', h, key)
    const first = name === 'post' ? 0 : 2 * d
    const attended = attendToContext(pass, source, batch, {
      q: { tensor: keys, column: 0 },
      k: { tensor: projected, column: first },
      v: { tensor: projected, column: first + d },
      scale: Math.sqrt(d),
    })
    const { x: mixed } = project(pass, 'fusion.sum', h, value, { residual: attended })
    layerNorm(recorder, { x: mixed, ...norm2, out: y }, count, { eps: fusionEps })
    const { x: sum } = project(pass, 'fusion.sum', { x: y, count }, feedForward, { activation: 'relu', residual: y })
    layerNorm(recorder, { x: sum, ...norm3, out: states }, count, { eps: fusionEps })
  }
}

/** Every block attends to its dialogue's context, with one head as wide as the model. */
function attendToContext(
  { recorder, scratch }: Pass,
  { rows, counts }: BlockSource,
  batch: RaggedBatch,
  { scale, ...columns }: { q: Columns; k: Columns; v: Columns; scale: number },
): Tensor {
  const d = columns.q.tensor.shape[1]!
  const out = scratch.rows('fusion.attended', rows, d)
  const tiles = uploadTiles(scratch, 'fusion.tiles', counts, batch.lengths)
  attention(recorder, { ...columns, tiles, out }, { heads: 1, headDim: d, scale })
  return out
}
