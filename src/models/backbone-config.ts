import type { ConfigIds } from '../generation/token-rules.js'
import type { JointTokens } from '../text/joint-programs.js'
import type { ConfigReader } from './config-reader.js'

/** The `model_type` of an encoder-decoder backbone that is understood. */
export type Backbone = 'misc' | 'blenderbot-small' | 'bart'
/** All of them. */
export const BACKBONES = ['misc', 'blenderbot-small', 'bart'] as const satisfies readonly Backbone[]

/** Dimensions and special ids of an encoder-decoder (model-spec §1), from its config.json. */
export interface BackboneConfig extends ConfigIds {
  /** `model_type`; default `blenderbot-small`, which is also what a trained MISC checkpoint may say. */
  readonly modelType: Backbone
  /** `d_model`: width of every hidden state, d. */
  readonly dModel: number
  /** `encoder_layers`. */
  readonly encoderLayers: number
  /** `decoder_layers`. */
  readonly decoderLayers: number
  /** `encoder_attention_heads`, h: divides d. */
  readonly encoderHeads: number
  /** `decoder_attention_heads`: divides d. */
  readonly decoderHeads: number
  /** `encoder_ffn_dim`. */
  readonly encoderFfn: number
  /** `decoder_ffn_dim`. */
  readonly decoderFfn: number
  /** `vocab_size`, V, the added tokens included. */
  readonly vocabSize: number
  /** `max_position_embeddings`: longest input and longest output, in ids. */
  readonly maxPositions: number
  /** BART keeps two rows before its first position: 2, others 0. */
  readonly positionOffset: number
  /** `scale_embedding`, default false: embeddings are multiplied by √d. */
  readonly scaleEmbedding: boolean
  /** `pad_token_id`, default 0 (BART: 1). */
  readonly padId: number
  /** `bos_token_id`, default 1 (BART: 0). */
  readonly bosId: number
  /** `eos_token_id`, an id or a list, default 2: each ends an output. */
  readonly eosIds: readonly number[]
  /** `decoder_start_token_id`, default 1 (BART: 2): an output starts from it. */
  readonly decoderStartId: number
  /** The strategies in its vocabulary where it was trained without them: a program of BlenderBot-Joint added them all the same. */
  readonly unlearned?: JointTokens | undefined
}

/** Settings that announce a computation other than this one, with the value that is right. */
const FIXED_SETTINGS = [
  ['activation_function', 'gelu'],
  ['normalize_before', false],
  ['normalize_embedding', true],
  ['add_final_layer_norm', false],
  ['static_position_embeddings', false],
  ['tie_word_embeddings', true],
] as const

/** Reads what every encoder-decoder's config.json says. @throws InputError that names the file, the key, the value and what it should be */
export function readBackbone(json: ConfigReader): BackboneConfig {
  const modelType = json.oneOf('model_type', BACKBONES) ?? 'blenderbot-small'
  json.expect(FIXED_SETTINGS)
  const scaleEmbedding = json.flag('scale_embedding')
  const dModel = json.integer('d_model', 1, 16384)
  const heads = (key: string) => json.heads(key, dModel, 'd_model')
  const vocabSize = json.integer('vocab_size', 1, 2 ** 24)
  const id = (key: string, fallback: number) => json.integer(key, 0, vocabSize - 1, fallback)
  const bart = modelType === 'bart'
  return {
    modelType,
    dModel,
    encoderLayers: json.integer('encoder_layers', 1, 256),
    decoderLayers: json.integer('decoder_layers', 1, 256),
    encoderHeads: heads('encoder_attention_heads'),
    decoderHeads: heads('decoder_attention_heads'),
    encoderFfn: json.integer('encoder_ffn_dim', 1, 65536),
    decoderFfn: json.integer('decoder_ffn_dim', 1, 65536),
    vocabSize,
    maxPositions: json.integer('max_position_embeddings', 1, 65536),
    positionOffset: bart ? 2 : 0,
    scaleEmbedding,
    padId: id('pad_token_id', bart ? 1 : 0),
    bosId: id('bos_token_id', bart ? 0 : 1),
    eosIds: json.eosIds(vocabSize, 2),
    decoderStartId: id('decoder_start_token_id', bart ? 2 : 1),
  }
}
