import { InputError } from '../../errors.js'
import { acceptedEosIds, readEosIds } from '../../generation/token-rules.js'

/** Blocks, at most: what the paper's data and its authors' program use. */
export const MAX_POST_BLOCKS = 30
/** See {@link MAX_POST_BLOCKS}. */
export const MAX_SITUATION_BLOCKS = 20
/** Ids of one block, at most: longer ones are cut, shorter ones padded. */
export const MAX_BLOCK_LENGTH = 10

/** The encoder-decoder backbones whose configs are understood. */
export const MODEL_TYPES = ['misc', 'blenderbot-small', 'bart'] as const
export type ModelType = (typeof MODEL_TYPES)[number]

/**
 * The two ways to fuse COMET blocks with the context (eq. 4 as printed, and as the authors' program does it), and
 * `plain` for a backbone without any MISC part.
 */
export type Variant = 'paper' | 'released' | 'plain'

/** A model's dimensions and special ids, from its config.json. */
export interface MiscConfig {
  /** `model_type`; default `blenderbot-small`, which is also what a trained MISC checkpoint may say. */
  readonly modelType: ModelType
  /** `misc_variant`: a hint for making weights. A checkpoint's own tensors say which variant it is. */
  readonly variant?: Variant
  /** `d_model`: width of every hidden state, d. */
  readonly dModel: number
  readonly encoderLayers: number
  readonly decoderLayers: number
  /** `encoder_attention_heads`, h: divides d. */
  readonly encoderHeads: number
  readonly decoderHeads: number
  /** `encoder_ffn_dim`. */
  readonly encoderFfn: number
  readonly decoderFfn: number
  /** `vocab_size`, V, the added tokens included. */
  readonly vocabSize: number
  /** `max_position_embeddings`: longest context and longest reply, in ids. */
  readonly maxPositions: number
  /** `scale_embedding`, default false: embeddings are multiplied by √d. */
  readonly scaleEmbedding: boolean
  /** `pad_token_id`, default 0 (BART: 1). */
  readonly padId: number
  /** `bos_token_id`, default 1 (BART: 0). */
  readonly bosId: number
  /** `eos_token_id`, an id or a list, default 2: each ends a reply. */
  readonly eosIds: readonly number[]
  /** `decoder_start_token_id`, default 1 (BART: 2): a reply starts from it. */
  readonly decoderStartId: number
  /** `num_strategies`, default 8: m. */
  readonly numStrategies: number
  readonly maxPostBlocks: number
  readonly maxSituationBlocks: number
  readonly maxBlockLength: number
}

/** Settings that announce a computation other than this one, with the value that is right. */
const FIXED_SETTINGS: readonly (readonly [key: string, value: unknown])[] = [
  ['activation_function', 'gelu'],
  ['normalize_before', false],
  ['normalize_embedding', true],
  ['add_final_layer_norm', false],
  ['static_position_embeddings', false],
  ['tie_word_embeddings', true],
]

/**
 * Reads a config.json as Hugging Face or `misc synth` writes it. Keys that it does not know are left alone.
 *
 * @param json the parsed file
 * @param file its path, for messages
 * @throws InputError that names the file, the key, the value and what it should be
 */
export function parseConfig(json: unknown, file: string): MiscConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new InputError(`${file}: is not a JSON object; a model's config.json is one`)
  }
  const read = new Map(Object.entries(json).filter(([, value]) => value !== null && value !== undefined))
  const fail = (key: string, expected: string) => {
    const found = read.has(key) ? `is ${shown(read.get(key))}` : 'is missing'
    return new InputError(`${file}: ${key} ${found}, but must be ${expected}`)
  }
  const integer = (key: string, low: number, high: number, fallback?: number): number => {
    const value = read.get(key) ?? fallback
    if (Number.isInteger(value) && (value as number) >= low && (value as number) <= high) return value as number
    throw fail(key, `an integer from ${low} to ${high}`)
  }
  const oneOf = <T extends string>(key: string, choices: readonly T[]): T | undefined => {
    const value = read.get(key) as T | undefined
    if (value === undefined || choices.includes(value)) return value
    throw fail(key, choices.join(' or '))
  }

  const modelType = oneOf('model_type', MODEL_TYPES) ?? 'blenderbot-small'
  for (const [key, value] of FIXED_SETTINGS) {
    if (read.has(key) && read.get(key) !== value) throw fail(key, `${value}: nothing else is implemented`)
  }
  if (read.has('scale_embedding') && typeof read.get('scale_embedding') !== 'boolean') {
    throw fail('scale_embedding', 'true or false')
  }

  const dModel = integer('d_model', 1, 16384)
  const heads = (key: string): number => {
    const count = integer(key, 1, dModel)
    if (dModel % count === 0) return count
    throw fail(key, `a divisor of d_model (${dModel})`)
  }
  const vocabSize = integer('vocab_size', 1, 2 ** 24)
  const id = (key: string, fallback: number) => integer(key, 0, vocabSize - 1, fallback)
  const eosIds = (): number[] => {
    const ids = readEosIds(read.get('eos_token_id') ?? 2, vocabSize)
    if (ids) return ids
    throw fail('eos_token_id', `${acceptedEosIds} from 0 to ${vocabSize - 1}`)
  }
  const bart = modelType === 'bart'
  const variant = oneOf('misc_variant', ['paper', 'released', 'plain'] as const)

  return {
    modelType,
    ...(variant && { variant }),
    dModel,
    encoderLayers: integer('encoder_layers', 1, 256),
    decoderLayers: integer('decoder_layers', 1, 256),
    encoderHeads: heads('encoder_attention_heads'),
    decoderHeads: heads('decoder_attention_heads'),
    encoderFfn: integer('encoder_ffn_dim', 1, 65536),
    decoderFfn: integer('decoder_ffn_dim', 1, 65536),
    vocabSize,
    maxPositions: integer('max_position_embeddings', 1, 65536),
    scaleEmbedding: read.get('scale_embedding') === true,
    padId: id('pad_token_id', bart ? 1 : 0),
    bosId: id('bos_token_id', bart ? 0 : 1),
    eosIds: eosIds(),
    decoderStartId: id('decoder_start_token_id', bart ? 2 : 1),
    numStrategies: integer('num_strategies', 1, 1024, 8),
    maxPostBlocks: MAX_POST_BLOCKS,
    maxSituationBlocks: MAX_SITUATION_BLOCKS,
    maxBlockLength: MAX_BLOCK_LENGTH,
  }
}

function shown(value: unknown): string {
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

/** Rows of a table of positions: BART keeps two before its first position. */
export function positionRows({ modelType, maxPositions }: MiscConfig): number {
  return modelType === 'bart' ? maxPositions + 2 : maxPositions
}
