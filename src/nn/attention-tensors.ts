import type { ModuleSpec, TensorTable } from './layout.js'

/** The linear layers of an attention, each [d, d]. */
export interface AttentionTensors {
  readonly query: ModuleSpec
  readonly key: ModuleSpec
  readonly value: ModuleSpec
  readonly output: ModuleSpec
}

/**
 * An attention, by the names of BART and its kin.
 *
 * @param queryRole of queries and keys
 */
export function attentionTensors(
  table: TensorTable,
  role: string,
  name: string,
  d: number,
  queryRole = role,
): AttentionTensors {
  return {
    query: table.linear(queryRole, `${name}.q_proj`, d, d),
    key: table.linear(queryRole, `${name}.k_proj`, d, d),
    value: table.linear(role, `${name}.v_proj`, d, d),
    output: table.linear(role, `${name}.out_proj`, d, d),
  }
}
