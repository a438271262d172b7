import { InputError } from '../../errors.js'
import type { TensorInfo } from '../../io/safetensors-header.js'
import type { MiscConfig, Variant } from './config.js'

/**
 * What a tensor is for. `identity` tensors belong to the layout but cannot change a result: the strategy source of
 * eq. 7 has one key, so its softmax is 1 whatever its queries and keys are. `unused` tensors are saved by the authors'
 * program and take no part in its forward pass.
 */
export type Role =
  | 'embedding'
  | 'encoder'
  | 'fusion'
  | 'strategy'
  | 'decoder-self'
  | 'decoder-cross'
  | 'decoder-ffn'
  | 'head'
  | 'identity'
  | 'unused'

/** A tensor that a checkpoint of some config and variant holds. */
export interface TensorSpec {
  readonly name: string
  /** Linear weights are [out, in]. */
  readonly shape: readonly number[]
  readonly role: Role
}

/** Copies of `model.shared.weight` that a file may also hold, or hold in its place. */
export const TIED_COPIES = [
  'lm_head.weight',
  'model.encoder.embed_tokens.weight',
  'model.decoder.embed_tokens.weight',
] as const

/** The dtypes that weights may have. */
const WEIGHT_DTYPES: readonly string[] = ['F32', 'F16', 'BF16']

/** BART keeps two rows before its first position. */
function positionRows({ modelType, maxPositions }: MiscConfig): number {
  return modelType === 'bart' ? maxPositions + 2 : maxPositions
}

/**
 * The name table: every tensor of a checkpoint with this config and variant, with its shape and role. The tied copies
 * of the embedding are not in it.
 */
export function tensorTable(config: MiscConfig, variant: Variant): TensorSpec[] {
  const { dModel: d, vocabSize, numStrategies: m, encoderFfn, decoderFfn } = config
  const table: TensorSpec[] = []
  const tensor = (role: Role, name: string, ...shape: number[]) => table.push({ name, shape, role })
  const linear = (role: Role, name: string, out: number, size: number) => {
    tensor(role, `${name}.weight`, out, size)
    tensor(role, `${name}.bias`, out)
  }
  const norm = (role: Role, name: string, size = d) => {
    tensor(role, `${name}.weight`, size)
    tensor(role, `${name}.bias`, size)
  }
  const batchNorm = (role: Role, name: string, size: number) => {
    norm(role, name, size)
    tensor(role, `${name}.running_mean`, size)
    tensor(role, `${name}.running_var`, size)
  }
  const attention = (role: Role, name: string, queryRole: Role = role) => {
    linear(queryRole, `${name}.q_proj`, d, d)
    linear(queryRole, `${name}.k_proj`, d, d)
    linear(role, `${name}.v_proj`, d, d)
    linear(role, `${name}.out_proj`, d, d)
  }
  const ffn = (role: Role, layer: string, size: number) => {
    linear(role, `${layer}.fc1`, size, d)
    linear(role, `${layer}.fc2`, d, size)
    norm(role, `${layer}.final_layer_norm`)
  }

  // Backbone: embeddings, encoder.
  tensor('embedding', 'model.shared.weight', vocabSize, d)
  for (const side of ['model.encoder', 'model.decoder']) {
    tensor('embedding', `${side}.embed_positions.weight`, positionRows(config), d)
    norm('embedding', `${side}.layernorm_embedding`)
  }
  for (let i = 0; i < config.encoderLayers; i++) {
    const layer = `model.encoder.layers.${i}`
    attention('encoder', `${layer}.self_attn`)
    norm('encoder', `${layer}.self_attn_layer_norm`)
    ffn('encoder', layer, encoderFfn)

    // Fusion after every layer (eq. 4 as released), for post and situation.
    if (variant !== 'released') continue
    for (const fusion of [`${layer}.muAttn`, `${layer}.muAttn_st`]) {
      for (const name of ['q_proj', 'k_proj', 'v1_proj', 'v2_proj', 'FN']) linear('fusion', `${fusion}.${name}`, d, d)
      norm('unused', `${fusion}.layerNorm_1`)
      norm('fusion', `${fusion}.layerNorm_2`)
      norm('fusion', `${fusion}.layerNorm_3`)
    }
    norm('unused', `${layer}.attn_layer_norm_comet`)
  }

  if (variant === 'paper') {
    // Fusion after the last layer (eq. 4), strategy (eq. 5–6).
    norm('fusion', 'model.encoder.fusion_layer_norm_post')
    norm('fusion', 'model.encoder.fusion_layer_norm_situation')
    linear('strategy', 'model.encoder.strategy_head.dense', d, d)
    linear('strategy', 'model.encoder.strategy_head.out_proj', m, d)
    tensor('strategy', 'model.encoder.strategy_embedding.weight', m, d)
  }
  if (variant === 'released') {
    // Strategy (eq. 5–6): the codebook has a row more than there are strategies.
    linear('strategy', 'model.encoder.strategy_head', m, d)
    batchNorm('strategy', 'model.encoder.batchNorm_strategy', m)
    tensor('strategy', 'model.encoder.strategy_embedding.weight', m + 1, d)
    linear('unused', 'model.encoder.emotion_head', 11, d)
    batchNorm('unused', 'model.encoder.batchNorm_emotion', 11)
    linear('unused', 'model.encoder.intensity_head', 1, d)
    norm('unused', 'model.encoder.multi_state_LayerNorm')
    tensor('unused', 'model.decoder.wre.weight', 2, d)
    tensor('unused', 'model.decoder.wte.weight', 128, d)
  }

  for (let i = 0; i < config.decoderLayers; i++) {
    const layer = `model.decoder.layers.${i}`
    attention('decoder-self', `${layer}.self_attn`)
    norm('decoder-self', `${layer}.self_attn_layer_norm`)

    // Cross-attention: the context, and for MISC three sources more (eq. 7).
    attention('decoder-cross', `${layer}.encoder_attn`)
    norm('decoder-cross', `${layer}.encoder_attn_layer_norm`)
    if (variant !== 'plain') {
      attention('decoder-cross', `${layer}.encoder_attn_comet`)
      attention('decoder-cross', `${layer}.encoder_attn_comet_st`)
      attention('decoder-cross', `${layer}.encoder_attn_strategy`, 'identity')
    }
    if (variant === 'released') {
      for (const name of ['strategy', 'comet', 'total']) norm('unused', `${layer}.encoder_attn_layer_norm_${name}`)
    }
    ffn('decoder-ffn', layer, decoderFfn)
  }
  tensor('head', 'final_logits_bias', 1, vocabSize)
  return table
}

/**
 * Tells the variants apart by the names of a checkpoint's tensors: fusion in every layer is the released one, any
 * other MISC part the paper's, none at all a plain backbone.
 */
export function detectVariant(tensors: ReadonlyMap<string, unknown>): Variant {
  const names = [...tensors.keys()]
  const has = (pattern: RegExp) => names.some((name) => pattern.test(name))
  if (has(/^model\.encoder\.(layers\.\d+\.muAttn|batchNorm_|strategy_head\.weight)/)) return 'released'
  if (
    has(
      /^model\.(encoder\.(fusion_layer_norm|strategy_)|decoder\.layers\.\d+\.encoder_attn_(comet|comet_st|strategy)\.)/,
    )
  ) {
    return 'paper'
  }
  return 'plain'
}

/** What {@link checkTensors} found. */
export interface CheckedTensors {
  readonly variant: Variant
  /**
   * Every tensor that the layout needs, by its name in the table, those of role `identity` included. The embedding may
   * be held under the name of a tied copy: read it by `info.name`.
   */
  readonly used: ReadonlyMap<string, TensorInfo & { readonly role: Role }>
  /** Tensors without part in the forward pass: those that the released layout saves, and any that are not known. */
  readonly unused: readonly TensorInfo[]
  /** Tied copies of the embedding beside the one in use. */
  readonly tied: readonly TensorInfo[]
}

/**
 * Compares a checkpoint's tensors with the name table of its config.
 *
 * @param source the checkpoint's folder or file, for messages
 * @throws InputError, one for all tensors that are missing or of a wrong shape or dtype, naming each
 */
export function checkTensors(
  tensors: ReadonlyMap<string, TensorInfo>,
  config: MiscConfig,
  source: string,
): CheckedTensors {
  const found = detectVariant(tensors)
  const variant = found === 'plain' && config.modelType === 'misc' ? (config.variant ?? 'paper') : found
  const used = new Map<string, TensorInfo & { role: Role }>()
  const rest = new Map(tensors)
  const faults: string[] = []

  for (const { name, shape, role } of tensorTable(config, variant)) {
    if (role === 'unused') continue
    const info = rest.get(name) ?? (name === 'model.shared.weight' ? firstTied(rest) : undefined)
    const fault = info ? tensorFault(info, shape) : 'missing'
    if (info) rest.delete(info.name)
    if (fault) faults.push(`${name} (${fault})`)
    else if (info) used.set(name, { ...info, role })
  }
  if (faults.length > 0) throw new InputError(`${source}: ${describeFaults(faults, variant)}`)

  const isTied = ({ name }: TensorInfo) => (TIED_COPIES as readonly string[]).includes(name)
  const others = [...rest.values()]
  return { variant, used, unused: others.filter((info) => !isTied(info)), tied: others.filter(isTied) }
}

function firstTied(tensors: ReadonlyMap<string, TensorInfo>): TensorInfo | undefined {
  return TIED_COPIES.map((name) => tensors.get(name)).find((info) => info !== undefined)
}

function tensorFault({ shape, dtype }: TensorInfo, expected: readonly number[]): string | undefined {
  if (shape.join() !== expected.join()) return `shape [${shape}], expected [${expected}]`
  if (!WEIGHT_DTYPES.includes(dtype)) return `dtype ${dtype}, expected ${WEIGHT_DTYPES.join(', ')}`
  return undefined
}

/** Names every fault, up to a length that still reads as a message; then counts the others. */
function describeFaults(faults: readonly string[], variant: Variant): string {
  let list = ''
  let named = 0
  for (const fault of faults) {
    if (list.length + fault.length > 2000) break
    list += `${named === 0 ? '' : '; '}${fault}`
    named++
  }
  const others = named < faults.length ? `; and ${faults.length - named} more` : ''
  const model = variant === 'plain' ? 'a plain backbone' : `MISC's ${variant} variant`
  return (
    `${faults.length} tensor${faults.length === 1 ? ' does' : 's do'} not fit its config.json as ${model}: ` +
    `${list}${others}; take config.json and weights from one model, or download it again`
  )
}
