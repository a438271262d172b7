import type { ConfigIds } from '../../generation/token-rules.js'
import { ConfigReader } from '../config-reader.js'

/** Dimensions and special ids of a GPT, from its config.json. */
export interface GptConfig extends ConfigIds {
  readonly modelType: 'openai-gpt'
  /** `n_embd`: width of every hidden state, d. */
  readonly dModel: number
  /** `n_layer`. */
  readonly decoderLayers: number
  /** `n_head`: divides d. */
  readonly decoderHeads: number
  /** 4·d. */
  readonly decoderFfn: number
  /** `n_positions`: ids of prompt and tail together, at most. */
  readonly maxPositions: number
  /** Its positions begin with the first row of their table. */
  readonly positionOffset: 0
  /** Its embeddings are as they are. */
  readonly scaleEmbedding: false
  /** `pad_token_id`, default 0. */
  readonly padId: number
  /** `eos_token_id`, an id or a list: each ends a tail. Default: none. */
  readonly eosIds: readonly number[]
  /** `bos_token_id`, default 0. No tail starts from it: a tail goes on from its prompt. */
  readonly decoderStartId: number
}

/** Settings that announce a computation other than this one, with the value that is right. */
const FIXED_SETTINGS = [
  ['model_type', 'openai-gpt'],
  ['afn', 'gelu'],
  ['layer_norm_epsilon', 1e-5],
  ['tie_word_embeddings', true],
] as const

/**
 * Reads the config.json of an OpenAI GPT, as Hugging Face writes it. Keys that it does not know are left alone.
 *
 * @param json the parsed file
 * @param file its path, for messages
 * @throws InputError that names the file, the key, the value and what it should be
 */
export function parseGptConfig(json: unknown, file: string): GptConfig {
  const read = new ConfigReader(json, file)
  read.expect(FIXED_SETTINGS)
  const dModel = read.integer('n_embd', 1, 16384)
  const vocabSize = read.integer('vocab_size', 1, 2 ** 24)
  return {
    modelType: 'openai-gpt',
    dModel,
    decoderLayers: read.integer('n_layer', 1, 256),
    decoderHeads: read.heads('n_head', dModel, 'n_embd'),
    decoderFfn: 4 * dModel,
    vocabSize,
    maxPositions: read.integer('n_positions', 1, 65536),
    positionOffset: 0,
    scaleEmbedding: false,
    padId: read.integer('pad_token_id', 0, vocabSize - 1, 0),
    eosIds: read.eosIds(vocabSize),
    decoderStartId: read.integer('bos_token_id', 0, vocabSize - 1, 0),
  }
}
