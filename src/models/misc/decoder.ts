import type { Gpu } from '../../gpu/gpu.js'
import type { Scratch } from '../../gpu/scratch.js'
import type { Tensor } from '../../gpu/tensor.js'
import { decoderLayer } from '../../nn/decoder-layer.js'
import { KvCache, type NewRows } from '../../nn/kv-cache.js'
import type { Pass } from '../../nn/pass.js'
import { project, type Rows, settle } from '../../nn/rows.js'
import { copyRows } from '../../ops/copy-rows.js'
import { embed } from '../../ops/embed.js'
import type { MiscWeights } from './layout.js'

/** What the decoder keeps for each reply being drawn: its rows so far, and its dialogue's context, post and situation blocks. */
export class DecoderState extends KvCache {
  /** Per layer, [slots, d]: the strategy source's attention and the biases of all four out_projs. */
  readonly strategy: readonly Tensor[]

  constructor(gpu: Gpu, { config, decoder }: MiscWeights, slots: number) {
    const { dModel: d, decoderHeads: heads, maxPositions: positions, maxPostBlocks, maxSituationBlocks } = config
    const sources = [positions, maxPostBlocks, maxSituationBlocks]
    super(gpu, { slots, layers: decoder.layers.length, d, heads, positions, sources })
    this.strategy = decoder.layers.map((_, i) => gpu.tensor(`cross.strategy.${i}`, [slots, d]))
  }

  override get slotTensors(): Tensor[] {
    return [...super.slotTensors, ...this.strategy]
  }
}

/**
 * The strategy source's part of eq. 7 for every layer, into the slots of dialogues: it has one key, and so is out_proj(v_proj(g)).
 *
 * @param representation g [dialogues, d]
 */
export function cacheStrategy(
  pass: Pass<MiscWeights>,
  state: DecoderState,
  slots: readonly number[],
  representation: Tensor,
): void {
  const count = slots.length
  const to = pass.scratch.upload('cross.to', [count], Uint32Array.from(slots))
  pass.weights.decoder.layers.forEach((layer, i) => {
    const value = project(pass, 'cross.strategy-value', { x: representation, count }, layer.strategyValue)
    const { x: source } = project(pass, 'cross.strategy-output', value, layer.strategyOutput)
    copyRows(pass.recorder, { source, to, target: state.strategy[i]! }, count)
  })
}

/** New ids of every slot in use. */
export interface NewIds extends NewRows {
  /** u32 [slots · newRows] */
  readonly ids: Tensor
  /** u32 [slots · newRows] */
  readonly positions: Tensor
}

/**
 * The decoder over new ids, after those in the caches.
 *
 * @returns logits [slots · newRows, V]: x · sharedᵀ + final_logits_bias
 */
export function decode(pass: Pass<MiscWeights>, state: DecoderState, input: NewIds): Tensor {
  const { recorder, scratch, weights, trace } = pass
  const { config, decoder, embedding } = weights
  const count = input.slots * input.newRows
  const x = scratch.rows('decoder.x', count, config.dModel)
  const scale = config.scaleEmbedding ? Math.sqrt(config.dModel) : 1
  const { ids, positions } = input
  const tables = { table: embedding, positionTable: decoder.positions }
  embed(recorder, { ids, positions, ...tables, ...decoder.norm, out: x }, count, scale)

  // Eq. 7: x = LN( x + A_c + A_x + A_s + A_g ), A_g with the biases of all four.
  let rows: Rows = { x, count }
  decoder.layers.forEach((layer, i) => {
    const crossBias = { bias: state.strategy[i]!, rowsPerBias: input.newRows }
    rows = decoderLayer(pass, layer, state, i, rows, input, crossBias)
  })
  const last = settle(pass, rows)
  trace?.(`decoder.hidden.${decoder.layers.length}`, last, count)
  const { x: logits } = project(pass, 'logits', { x: last, count }, { weight: embedding, bias: weights.logitsBias })
  trace?.('logits', logits, count)
  return logits
}

/** Whole replies of one length, from the first position on: what a teacher-forced {@link decode} reads. */
export function wholeReplies(scratch: Scratch, ids: readonly (readonly number[])[]): NewIds {
  const [slots, newRows] = [ids.length, ids[0]!.length]
  const upload = (label: string, values: readonly number[]) =>
    scratch.upload(label, [values.length], Uint32Array.from(values))
  const positions = ids.flatMap(() => [...Array(newRows).keys()])
  return {
    slots,
    newRows,
    ids: upload('decoder.ids', ids.flat()),
    positions: upload('decoder.positions', positions),
    lengths: upload('decoder.lengths', new Array<number>(slots).fill(0)),
  }
}
