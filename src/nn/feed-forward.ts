import { type Loaded, linear, norm, type TensorTable } from './layout.js'

/** `fc1`, `fc2` and the norm after them. */
export type FeedForward = Loaded<ReturnType<typeof feedForwardLayout>>

/** The feed-forward part of a layer, of width d and `size` within. */
export function feedForwardLayout(table: TensorTable, role: string, layer: string, d: number, size: number) {
  const [fc1, fc2] = [table.linear(role, `${layer}.fc1`, size, d), table.linear(role, `${layer}.fc2`, d, size)]
  return {
    expand: linear(fc1),
    contract: linear(fc2),
    norm: norm(table.norm(role, `${layer}.final_layer_norm`, d)),
  }
}
