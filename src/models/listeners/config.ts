import { InputError } from '../../errors.js'
import type { ConfigIds } from '../../generation/token-rules.js'
import { ConfigReader } from '../config-reader.js'

/** The `model_type`s of the family: Transformer (and MT Transformer, which is the same program), MoEL, and MIME. */
export const LISTENERS = ['transformer', 'moel', 'mime'] as const

/** MIME's table of emotions has so many rows, whatever the data: they are divided into two lists by number. */
export const MIME_EMOTIONS = 32

/** Dimensions and special ids of MoEL's program and its kin (baselines §0), from a config.json. */
export interface ListenersConfig extends ConfigIds {
  /** `model_type`. */
  readonly modelType: 'transformer' | 'moel' | 'mime'
  /** `hidden_dim`, which is `emb_dim`: width of every hidden state, d. */
  readonly dModel: number
  /** `depth`, lowered to a multiple of the heads: width of all queries, and of all keys and values. */
  readonly depth: number
  /** `hop`: layers of the encoder, and of the decoder behind the listeners. */
  readonly encoderLayers: number
  /** `hop`, too. */
  readonly decoderLayers: number
  /** `heads`. */
  readonly encoderHeads: number
  /** `heads`, too. */
  readonly decoderHeads: number
  /** Width within the feed-forward part. */
  readonly filter: number
  /** `filter`, raised to a multiple of four, as kernels read: filters of zeros give nothing. */
  readonly encoderFfn: number
  /** As in the encoder. */
  readonly decoderFfn: number
  /** Emotions that the model tells, and MoEL's listeners: `num_emotions`. */
  readonly numEmotions: number
  /** Listeners that a sequence goes through: `topk`, or all where that is 0. Without listeners 0. */
  readonly listeners: number
  /** Listeners with a weight of no more than this are skipped. */
  readonly leastListener: number
  /** `weight_sharing`: the generator's matrix is the embedding. */
  readonly weightSharing: boolean
  /** The timing signal's positions. */
  readonly maxPositions: 1000
  /** PAD. */
  readonly padId: 1
  /** EOS. */
  readonly eosIds: readonly [2]
  /** SOS. */
  readonly decoderStartId: 3
}

/** Ids that every vocabulary of the program begins with: UNK, PAD, EOS, SOS, USR, SYS, CLS. */
const SPECIAL_IDS = 7

/** Settings with which the released programs stop or compute what they do not say (baselines §0). */
const BROKEN = {
  pointer_gen: 'its loader gives no extended vocabulary',
  project: 'it has no embedding_proj_in',
  universal: 'it builds the decoder without it',
  act: 'it halts in the encoder alone, and pays no heed to padding',
} as const

/** Settings that announce a computation other than this one, with the value that is right. */
const FIXED_SETTINGS = [
  ['mean_query', false],
  ['softmax', true],
  ['basic_learner', true],
  ['oracle', false],
  ['is_coverage', false],
  ['emo_combine', 'gate'],
  ['emo_input', 'self_att'],
] as const

/**
 * Reads the config.json of one of the family. Keys that it does not know are left alone.
 *
 * @param json the parsed file
 * @param file its path, for messages
 * @throws InputError that names the file, the key, the value and what it should be
 */
export function parseListenersConfig(json: unknown, file: string): ListenersConfig {
  const read = new ConfigReader(json, file)
  const modelType = read.oneOf('model_type', LISTENERS)
  if (!modelType) throw read.fault('model_type', LISTENERS.join(' or '))
  for (const [key, why] of Object.entries(BROKEN)) {
    if (read.flag(key)) throw read.fault(key, `false: the released program cannot run with it (${why})`)
  }
  read.expect(FIXED_SETTINGS)
  const dModel = read.integer('hidden_dim', 4, 16384)
  if (read.integer('emb_dim', 4, 16384, dModel) !== dModel) throw read.fault('emb_dim', `hidden_dim (${dModel})`)
  const heads = read.integer('heads', 1, 256)
  const depth = read.integer('depth', heads, 16384)
  const filter = read.integer('filter', 1, 65536)
  const ffn = Math.ceil(filter / 4) * 4
  const hop = read.integer('hop', 1, 256)
  if (modelType === 'mime' && hop > 1) throw read.fault('hop', '1: the released program cannot run with more')
  const numEmotions = read.integer('num_emotions', 1, 1024, MIME_EMOTIONS)
  if (modelType === 'mime' && numEmotions !== MIME_EMOTIONS) {
    throw read.fault('num_emotions', `${MIME_EMOTIONS}: the table of emotions and its two lists are fixed`)
  }
  const topk = modelType === 'moel' ? read.integer('topk', 0, 1024, 0) : 0
  const listeners = modelType === 'moel' ? Math.min(topk || numEmotions, numEmotions) : 0
  const sizes = { dModel, depth: depth - (depth % heads), numEmotions, listeners }
  return {
    modelType,
    ...sizes,
    encoderLayers: hop,
    decoderLayers: hop,
    encoderHeads: heads,
    decoderHeads: heads,
    filter,
    encoderFfn: ffn,
    decoderFfn: ffn,
    leastListener: topk > 0 ? 1e-4 : 0,
    weightSharing: read.flag('weight_sharing'),
    vocabSize: read.integer('vocab_size', SPECIAL_IDS, 2 ** 24),
    maxPositions: 1000,
    padId: 1,
    eosIds: [2],
    decoderStartId: 3,
  }
}

/** Names that only a checkpoint has which the released programs cannot run, and what it was made with. */
const BROKEN_NAMES = [
  [/^encoder\.act_fn\./, 'act'],
  [/^(en|de)coder\.(enc|dec)\.(?!\d)/, 'universal'],
  [/embedding_proj_in\./, 'project'],
] as const

/** @throws InputError where a checkpoint's tensors tell of what its config.json does not: see {@link parseListenersConfig}. */
export function refuseBroken(tensors: ReadonlyMap<string, unknown>, file: string): void {
  for (const name of tensors.keys()) {
    const [, option] = BROKEN_NAMES.find(([pattern]) => pattern.test(name)) ?? []
    if (!option) continue
    throw new InputError(
      `${file}: the checkpoint holds ${name}, so it was trained with --${option}: the released program cannot run with it ` +
        `(${BROKEN[option]})`,
    )
  }
}
