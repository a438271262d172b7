import {
  filters,
  type Loaded,
  type ModuleSpec,
  matrix,
  padded,
  rows,
  stack,
  type TensorLayout,
  type TensorSpec,
  type TensorTable,
} from '../../nn/layout.js'
import type { ListenersConfig } from './config.js'

export type EncoderLayer = Loaded<ReturnType<typeof encoderLayerLayout>>
export type DecoderLayer = Loaded<ReturnType<typeof decoderLayerLayout>>
/** An encoder: of the context, or one of MIME's two. */
export type Encoder = Loaded<ReturnType<typeof encoderLayout>>
/** Two convolutions, and the norm before them. */
export type FeedForward = Loaded<ReturnType<typeof feedForward>>

/** A layer without a bias. */
export const linear = (...weights: TensorSpec[]) => ({ weight: matrix(...weights) })

/** A layer norm, whose parameters are named `gamma` and `beta`. */
export function gammaBeta(table: TensorTable, role: string, name: string, d: number): ModuleSpec {
  return { weight: table.tensor(role, `${name}.gamma`, d), bias: table.tensor(role, `${name}.beta`, d) }
}

/** One norm, [d]; or those of layers to choose from, [L, d]. */
export function norms(all: readonly ModuleSpec[]): { weight: TensorLayout; bias: TensorLayout } {
  const vectors = all.length === 1 ? stack : rows
  return { weight: vectors(...all.map((it) => it.weight)), bias: vectors(...all.map((it) => it.bias)) }
}

/** The linear layers of an attention: in to `depth`, out to d. */
function attention(table: TensorTable, role: string, name: string, { dModel: d, depth }: ListenersConfig) {
  const projection = (of: string, out: number, size: number) =>
    table.tensor(role, `${name}.${of}_linear.weight`, out, size)
  return {
    query: projection('query', depth, d),
    key: projection('key', depth, d),
    value: projection('value', depth, d),
    output: projection('output', d, depth),
  }
}

/** The feed-forward parts of layers: two convolutions of width 3. */
function feedForward(
  table: TensorTable,
  role: string,
  names: readonly string[],
  { dModel: d, filter, decoderFfn: ffn }: ListenersConfig,
) {
  const conv = (i: number, [out, size]: readonly [number, number], [outRoom, room]: readonly [number, number]) => {
    const all = names.map((name) => {
      const conv = `${name}.positionwise_feed_forward.layers.${i}.conv`
      return {
        weight: table.tensor(role, `${conv}.weight`, out, size, 3),
        bias: table.tensor(role, `${conv}.bias`, out),
      }
    })
    const [weights, biases] = [all.map((it) => it.weight), all.map((it) => it.bias)]
    return { weight: padded(filters(...weights), [outRoom, room, 3]), bias: padded(stack(...biases), [outRoom]) }
  }
  return {
    norm: norms(names.map((name) => gammaBeta(table, role, `${name}.layer_norm_ffn`, d))),
    /** [ffn, 3d] and [ffn] */
    expand: conv(0, [filter, d], [ffn, d]),
    /** [d, 3·ffn] and [d] */
    contract: conv(1, [d, filter], [d, ffn]),
  }
}

/** An encoder over rows of `size` columns. */
export function encoderLayout(table: TensorTable, name: string, size: number, config: ListenersConfig) {
  const { dModel: d, encoderLayers } = config
  return {
    /** [d, size] */
    projection: linear(table.tensor('encoder', `${name}.embedding_proj.weight`, d, size)),
    layers: Array.from({ length: encoderLayers }, (_, i) => encoderLayerLayout(table, `${name}.enc.${i}`, config)),
    norm: norms([gammaBeta(table, 'encoder', `${name}.layer_norm`, d)]),
  }
}

function encoderLayerLayout(table: TensorTable, name: string, config: ListenersConfig) {
  const self = attention(table, 'encoder', `${name}.multi_head_attention`, config)
  return {
    norm: norms([gammaBeta(table, 'encoder', `${name}.layer_norm_mha`, config.dModel)]),
    /** [3·depth, d] */
    queryKeyValue: linear(self.query, self.key, self.value),
    /** [d, depth] */
    output: linear(self.output),
    feedForward: feedForward(table, 'encoder', [name], config),
  }
}

/** A decoder layer; or layers to choose from, each tensor over the same tensor of the next. */
export function decoderLayerLayout(
  table: TensorTable,
  names: readonly string[],
  config: ListenersConfig,
  role?: string,
) {
  const { dModel: d } = config
  const [selfRole, crossRole, ffnRole] = ['decoder-self', 'decoder-cross', 'decoder-ffn'].map((it) => role ?? it)
  const self = names.map((name) => attention(table, selfRole!, `${name}.multi_head_attention_dec`, config))
  const cross = names.map((name) => attention(table, crossRole!, `${name}.multi_head_attention_enc_dec`, config))
  return {
    /** How many there are to choose from. */
    count: names.length,
    selfNorm: norms(names.map((name) => gammaBeta(table, selfRole!, `${name}.layer_norm_mha_dec`, d))),
    /** [3·depth, d] */
    queryKeyValue: linear(...self.flatMap((it) => [it.query, it.key, it.value])),
    /** [d, depth] */
    selfOutput: linear(...self.map((it) => it.output)),
    crossNorm: norms(names.map((name) => gammaBeta(table, crossRole!, `${name}.layer_norm_mha_enc`, d))),
    /** [depth, d] */
    crossQuery: linear(...cross.map((it) => it.query)),
    /** [2·depth, d] */
    crossKeyValue: linear(...cross.flatMap((it) => [it.key, it.value])),
    /** [d, depth] */
    crossOutput: linear(...cross.map((it) => it.output)),
    feedForward: feedForward(table, ffnRole!, names, config),
  }
}
