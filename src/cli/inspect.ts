import { Command, Option } from 'commander'
import { type WeightDtype, weightDtypes } from '../gpu/tensor.js'
import { openCheckpoint } from '../io/checkpoint.js'
import { elementCount } from '../io/dtype.js'
import type { TensorInfo } from '../io/safetensors.js'
import type { Variant } from '../models/misc/config.js'
import { type ModelDescription, recognizeModel } from '../models/registry.js'
import { type AdapterFit, adapterFit, type BufferLimits, leastLimits, type TensorSize } from '../nn/adapter-fit.js'
import { layoutsOf } from '../nn/layout.js'
import { estimateMemory, type MemoryEstimate } from '../nn/memory.js'
import { openAdapter } from '../platform/node/adapter.js'
import { namedTokens } from '../text/vocabulary.js'
import { dtypeOption } from './gpu-command.js'

/** Beside the role's count, for readers who wonder. */
const IDENTITY = '  (q_proj and k_proj of the strategy source: with one key they change nothing)'

/** What `misc inspect --json` prints. Sizes are in bytes; tensors appear by name. */
export interface Inspection {
  model: string
  family: ModelDescription['family']
  /** What it is, in words. */
  title: string
  files: string[]
  /** The config, with keys in snake case: `d_model`, `encoder_layers`, … */
  architecture: Record<string, string | number | boolean | readonly number[]>
  variant: Variant
  /** Tied copies count once. `identity` parameters belong to `used`, though no result depends on them. */
  parameters: { total: number; used: number; unused: number; by_role: Record<string, number> }
  /** Parameters by the dtype that the files hold them in. */
  dtypes: Record<string, number>
  /** By GPU dtype, in bytes: `weights`, `self_cache`, `cross_cache` and their `total`. */
  memory: Record<WeightDtype, Record<'weights' | 'self_cache' | 'cross_cache' | 'total', number>>
  /**
   * Of the dtype asked for, in bytes: matrices by role, `norms-biases`, `self-cache`, `cross-cache`; they add up to its
   * `total` in `memory`.
   */
  memory_by_role: { dtype: WeightDtype; bytes: Record<string, number> }
  /** Whose limits `fit` goes by, in bytes: those of the adapter that was named, else (null) those that every adapter has. */
  adapter: { name: string | null; max_buffer: number; max_binding: number }
  /**
   * By GPU dtype, whether the adapter has room for each tensor. Matrices larger than a binding are read in parts; the caches,
   * logits and hidden rows among the others are those of one dialogue at its longest.
   */
  fit: Record<
    WeightDtype,
    { fits: boolean; largest_matrix: TensorSize; largest_other: TensorSize; in_parts: number; too_large: TensorSize[] }
  >
  unused: { name: string; dtype: string; shape: readonly number[] }[]
  tied: { name: string; dtype: string; shape: readonly number[] }[]
}

/**
 * Describes a model folder without a GPU and without tokenizer files.
 *
 * @param adapter on which it is to fit; default: on every one.
 * @throws InputError when the folder does not hold a sound model
 */
export async function inspect(
  folder: string,
  dtype: WeightDtype = 'f32',
  { name, limits }: { readonly name: string | null; readonly limits: BufferLimits } = {
    name: null,
    limits: leastLimits,
  },
): Promise<Inspection> {
  await using checkpoint = await openCheckpoint(folder)
  const model = recognizeModel(checkpoint, folder, await namedTokens(checkpoint.folder))
  const { config, variant, family, title } = model
  const { used, unused, tied } = model.tensors
  const memory = (dtype: WeightDtype) => {
    const { weights, selfCache, crossCache, total } = estimateMemory(model, dtype)
    return { weights, self_cache: selfCache, cross_cache: crossCache, total }
  }
  const estimate = estimateMemory(model, dtype)
  const { byRole, selfCache, crossCache } = estimate
  const beside = workingTensors(model, estimate)
  const fit = (dtype: WeightDtype) => fitFields(adapterFit(model.layout.weights, dtype, beside, limits))
  const { 'norms-biases': vectors = 0, ...matrices } = byRole
  const parameters = { used: count(used.values()), unused: count(unused) }
  return {
    model: folder,
    family,
    title,
    files: checkpoint.files,
    architecture: snakeCase({ ...config, variant }),
    variant,
    parameters: {
      total: parameters.used + parameters.unused,
      ...parameters,
      by_role: countBy(used.values(), ({ role }) => role),
    },
    dtypes: countBy([...used.values(), ...unused], ({ dtype }) => dtype),
    memory: { f32: memory('f32'), f16: memory('f16'), int8: memory('int8') },
    memory_by_role: {
      dtype,
      bytes: { ...matrices, 'norms-biases': vectors, 'self-cache': selfCache, 'cross-cache': crossCache },
    },
    adapter: { name, max_buffer: limits.maxBufferSize, max_binding: limits.maxStorageBufferBindingSize },
    fit: { f32: fit('f32'), f16: fit('f16'), int8: fit('int8') },
    unused: unused.map(brief),
    tied: tied.map(brief),
  }
}

/** The largest tensors beside the weights, of each kind, for one input at its longest. */
function workingTensors({ config, layout }: ModelDescription, { selfCache, crossCache }: MemoryEstimate): TensorSize[] {
  const { decoderLayers, maxPositions, vocabSize } = config
  // What embeds ids and what makes logits of rows are no rows' width.
  const hidden = layoutsOf(layout.weights).filter((it) => it.isMatrix && !['embedding', 'generator'].includes(it.role))
  const widths = hidden.map((it) => it.shape[0]!)
  return [
    { name: 'self-cache', bytes: selfCache / decoderLayers / 2 },
    { name: 'cross-cache', bytes: crossCache / decoderLayers },
    { name: 'hidden rows', bytes: 4 * maxPositions * Math.max(...widths) },
    { name: 'logits', bytes: 4 * vocabSize },
  ]
}

function fitFields({ largestMatrix, largestOther, inParts, tooLarge }: AdapterFit) {
  return {
    fits: tooLarge.length === 0,
    largest_matrix: largestMatrix,
    largest_other: largestOther,
    in_parts: inParts,
    too_large: [...tooLarge],
  }
}

/** `misc inspect`. */
export function inspectCommand(): Command {
  return new Command('inspect')
    .summary('architecture, fusion variant, parameters and memory of a model')
    .description('Describes a model folder. Needs no GPU and no tokenizer files.')
    .argument('<MODEL>', 'a folder with config.json and model.safetensors or its sharded index')
    .addOption(dtypeOption('f32'))
    .addOption(new Option('--adapter <name>', 'whether it fits there, part of the name; default: on every adapter'))
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  misc inspect model/ --dtype int8\n  misc inspect model/ --adapter lavapipe\n  misc inspect model/ --json | jq .parameters',
    )
    .action(async (folder: string, flags: { dtype: WeightDtype; adapter?: string; json?: boolean }) => {
      const { dtype, adapter: wanted, json } = flags
      const opened = wanted === undefined ? undefined : await openAdapter(wanted)
      const found = await inspect(folder, dtype, opened && { name: opened.info.name, limits: opened.adapter.limits })
      process.stdout.write(json ? `${JSON.stringify(found, null, 2)}\n` : report(found))
    })
}

function report(found: Inspection) {
  const {
    model,
    title,
    files,
    architecture: a,
    variant,
    parameters,
    dtypes,
    memory,
    memory_by_role,
    unused,
    tied,
  } = found
  const { adapter, fit } = found
  const fusion = { paper: 'once, after the last encoder layer', released: 'after every encoder layer', plain: '' }
  const lines = [
    `${model} (${files.join(', ')})`,
    '',
    variant === 'plain'
      ? `architecture  ${a.model_type}: ${title}${a.program === undefined ? ', without fusion and strategies' : ''}`
      : `architecture  MISC, variant ${variant}: blocks and context are fused ${fusion[variant]}`,
    ...('encoder_layers' in a
      ? [`  encoder     ${a.encoder_layers} layers, width ${a.d_model}, ${a.encoder_heads} heads, FFN ${a.encoder_ffn}`]
      : []),
    `  decoder     ${a.decoder_layers} layers, width ${a.d_model}, ${a.decoder_heads} heads, FFN ${a.decoder_ffn}`,
    `  vocabulary  ${a.vocab_size} ids, ${a.max_positions} positions`,
    '',
    `parameters    ${thousands(parameters.total)}: ${thousands(parameters.used)} used, ${thousands(parameters.unused)} unused`,
    ...Object.entries(parameters.by_role).map(
      ([role, n]) => `  ${role.padEnd(14)}${thousands(n).padStart(13)}${role === 'identity' ? IDENTITY : ''}`,
    ),
    `  in the files as ${Object.keys(dtypes).join(', ')}`,
    '',
    'memory, MB    weights  self cache  cross cache    total   (caches: one input at its longest)',
    ...weightDtypes.map((dtype) => {
      const { weights, self_cache, cross_cache, total } = memory[dtype]
      const cells = [megabytes(weights, 11), megabytes(self_cache, 12), megabytes(cross_cache, 13), megabytes(total, 9)]
      return `  ${dtype.padEnd(8)}${cells.join('')}`
    }),
    '',
    `largest tensor, MB  matrix    other   (${room(adapter)})`,
    ...weightDtypes.map((dtype) => {
      const { fits, largest_matrix, largest_other, in_parts } = fit[dtype]
      const sizes = `${megabytes(largest_matrix.bytes, 16)}${megabytes(largest_other.bytes, 9)}`
      return `  ${dtype.padEnd(8)}${sizes}   ${fits ? 'fits' : 'does not fit'}${in_parts > 0 ? `, ${in_parts} in parts` : ''}`
    }),
    ...problem(found),
    '',
    `in ${memory_by_role.dtype}, by role`,
    ...Object.entries(memory_by_role.bytes).map(([role, bytes]) => `  ${role.padEnd(14)}${megabytes(bytes, 9)}`),
    '',
    ...list('unused tensors', unused),
    ...list('tied copies of the embedding', tied),
  ]
  return `${lines.join('\n')}\n`
}

function room({ name, max_buffer, max_binding }: Inspection['adapter']): string {
  const limits = `${megabytes(max_binding)} a binding, ${megabytes(max_buffer)} a buffer`
  return `${name ?? 'every adapter'} allows ${limits}, and larger matrices are bound in parts`
}

/** Why the model does not fit in the dtype asked for, and in which it would. */
function problem({ adapter: { name }, fit, memory_by_role: { dtype } }: Inspection): string[] {
  const { too_large, fits } = fit[dtype]
  if (fits) return []
  const others = weightDtypes.filter((it) => fit[it].fits).map((it) => `--dtype ${it}`)
  const tensors = too_large.slice(0, 3).map(({ name, bytes }) => `${name} (${megabytes(bytes)} MB)`)
  if (too_large.length > 3) tensors.push(`${too_large.length - 3} more`)
  const nobody = name === null ? 'not every adapter has room' : `${name} has no room`
  const would = others.length > 0 ? `${others.join(' or ')} would fit` : 'no other dtype would fit'
  return [`in ${dtype} ${nobody} for ${tensors.join(', ')}; ${would}`]
}

function list(title: string, tensors: Inspection['unused']): string[] {
  if (tensors.length === 0) return [`${title}: none`]
  return [`${title}: ${tensors.length}`, ...tensors.map(({ name, dtype, shape }) => `  ${name} ${dtype} [${shape}]`)]
}

function brief({ name, dtype, shape }: TensorInfo) {
  return { name, dtype, shape }
}

function count(tensors: Iterable<TensorInfo>): number {
  let total = 0
  for (const { shape } of tensors) total += elementCount(shape)
  return total
}

function countBy<T extends TensorInfo>(tensors: Iterable<T>, key: (tensor: T) => string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const tensor of tensors) counts[key(tensor)] = (counts[key(tensor)] ?? 0) + elementCount(tensor.shape)
  return counts
}

function snakeCase<T extends object>(values: T) {
  const snake = (key: string) => key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [snake(key), value]))
}

function thousands(value: number): string {
  return value.toLocaleString('en-US')
}

function megabytes(bytes: number, width = 0): string {
  return (bytes / 1e6).toFixed(1).padStart(width)
}
