import type { Activation } from '../ops/matmul.js'
import { type Loaded, linear, norm, type TensorTable } from './layout.js'
import type { Pass } from './pass.js'
import { placeOf, project, type Rows } from './rows.js'

/** `fc1`, `fc2` and the norm after them. */
export type FeedForward = Loaded<ReturnType<typeof feedForwardLayout>>

/** The feed-forward part of a layer, of width d and `size` within. */
export function feedForwardLayout(table: TensorTable, role: string, layer: string, d: number, size: number) {
  const [fc1, fc2] = [table.linear(role, `${layer}.fc1`, size, d), table.linear(role, `${layer}.fc2`, d, size)]
  return {
    expand: linear(fc1),
    activation: 'gelu' as Activation,
    contract: linear(fc2),
    norm: norm(table.norm(role, `${layer}.final_layer_norm`, d)),
  }
}

/** y + fc2 activation(fc1 y), in the tensor of this role; the norm after it is the caller's. */
export function feedForward(
  pass: Pass,
  role: string,
  y: Rows,
  { expand, activation, contract }: Omit<FeedForward, 'norm'>,
): Rows {
  const expanded = project(pass, 'feed-forward', y, expand, { activation })
  return project(pass, role, expanded, contract, { residual: placeOf(y) })
}
