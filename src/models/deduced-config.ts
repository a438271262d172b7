import type { TensorInfo } from '../io/safetensors-header.js'

/** A checkpoint's tensors, by name. */
export type NamedTensors = ReadonlyMap<string, TensorInfo>

/** What a checkpoint's tensors say of its config, in the words of config.json, and which words they cannot say. */
export interface DeducedConfig {
  readonly known: Readonly<Record<string, unknown>>
  readonly unknown: readonly string[]
}

/** How many layers there are whose names are a prefix, a number and a dot. */
export function countLayers(tensors: NamedTensors, prefix: string): number {
  const numbers = [...tensors.keys()]
    .filter((name) => name.startsWith(prefix))
    .map((name) => /^\d+(?=\.)/.exec(name.slice(prefix.length))?.[0])
  return new Set(numbers.filter((it) => it !== undefined)).size
}
