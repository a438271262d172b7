import type { Tensor } from '../../gpu/tensor.js'
import type { Pass } from '../../nn/pass.js'
import { type RaggedBatch, uploadTiles } from '../../nn/ragged-batch.js'
import { type Rows, settle } from '../../nn/rows.js'
import { copyRows } from '../../ops/copy-rows.js'
import { embed } from '../../ops/embed.js'
import { sequenceEdges } from '../../ops/windows.js'
import type { Encoder } from './layer-layouts.js'
import { type Bounds, encoderLayer, normed, through } from './layers.js'
import type { ListenersWeights } from './layout.js'

/** What encoders go by, of a batch of contexts. */
export interface BatchBounds extends Bounds {
  /** S of each row's position. */
  readonly timing: Tensor
}

/** Says where the sequences of a batch begin and end, and gathers the timing signal of its rows. */
export function boundsOf(pass: Pass<ListenersWeights>, batch: RaggedBatch): BatchBounds {
  const { scratch } = pass
  const { lengths, rows } = batch
  const positions = scratch.upload('encoder.positions', [rows], batch.positions())
  return {
    tiles: uploadTiles(scratch, 'encoder.tiles', lengths, lengths),
    edges: scratch.upload('encoder.edges', [rows], sequenceEdges(lengths)),
    timing: timingOf(pass, 'encoder.timing', positions, rows),
  }
}

/** S of these positions, in the tensor of this role. */
export function timingOf(pass: Pass<ListenersWeights>, role: string, positions: Tensor, rows: number): Tensor {
  const { timing } = pass.weights
  const target = pass.scratch.rows(role, rows, timing.shape[1]!)
  copyRows(pass.recorder, { source: timing, from: positions, target }, rows)
  return target
}

/** s·E[id] + s·E[role], s = √d: z of a context's rows. */
export function embedContext(pass: Pass<ListenersWeights>, batch: RaggedBatch, roles: RaggedBatch): Rows {
  const { recorder, scratch, weights } = pass
  const { rows: count } = batch
  const { embedding: table } = weights
  const d = table.shape[1]!
  const scale = Math.sqrt(d)
  const upload = (name: string, values: Uint32Array) => scratch.upload(`encoder.${name}`, [count], values)
  const ofRoles = scratch.rows('encoder.roles', count, d)
  embed(recorder, { ids: upload('role-ids', roles.ids()), table, out: ofRoles }, count, { scale })
  // Row r adds row r of the roles.
  const positions = upload(
    'rows',
    Uint32Array.from({ length: count }, (_, row) => row),
  )
  const out = scratch.rows('encoder.z', count, d)
  const tensors = { ids: upload('ids', batch.ids()), positions, table, positionTable: ofRoles, out }
  embed(recorder, tensors, count, { scale })
  return { x: out, count }
}

/**
 * Encoder(z) (baselines §1.5): x = z · Pᵀ + S, its layers, and a norm.
 *
 * @returns [rows, d], in the tensor of this role.
 */
export function encode(
  pass: Pass<ListenersWeights>,
  role: string,
  z: Rows,
  encoder: Encoder,
  bounds: BatchBounds,
): Tensor {
  const { encoderHeads } = pass.weights.config
  let rows = through(pass, 'encoder.x', z, encoder.projection, { residual: bounds.timing })
  for (const layer of encoder.layers) rows = encoderLayer(pass, rows, layer, bounds, encoderHeads)
  return settle(pass, normed(pass, role, rows, encoder.norm))
}
