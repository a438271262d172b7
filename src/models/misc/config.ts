import { type BackboneConfig, readBackbone } from '../backbone-config.js'
import { ConfigReader } from '../config-reader.js'

/** Blocks, at most: what the paper's data and its authors' program use. */
export const MAX_POST_BLOCKS = 30
/** See {@link MAX_POST_BLOCKS}. */
export const MAX_SITUATION_BLOCKS = 20
/** Ids of one block, at most: longer ones are cut, shorter ones padded. */
export const MAX_BLOCK_LENGTH = 10

/**
 * The two ways to fuse COMET blocks with the context (eq. 4 as printed, and as the authors' program does it), and
 * `plain` for a model without any MISC part.
 */
export type Variant = 'paper' | 'released' | 'plain'

/** A MISC model's dimensions and special ids, from its config.json. */
export interface MiscConfig extends BackboneConfig {
  /** `misc_variant`: a hint for making weights. A checkpoint's own tensors say which variant it is. */
  readonly variant?: Variant
  /** `num_strategies`, default 8: m. */
  readonly numStrategies: number
  /** Blocks about the last post, at most: 30. */
  readonly maxPostBlocks: number
  /** Blocks about the situation, at most: 20. */
  readonly maxSituationBlocks: number
  /** Ids of a block, at most: 10. */
  readonly maxBlockLength: number
}

/**
 * Reads a config.json as Hugging Face or `misc synth` writes it. Keys that it does not know are left alone.
 *
 * @param json the parsed file
 * @param file its path, for messages
 * @throws InputError that names the file, the key, the value and what it should be
 */
export function parseConfig(json: unknown, file: string): MiscConfig {
  const read = new ConfigReader(json, file)
  const backbone = readBackbone(read)
  const variant = read.oneOf('misc_variant', ['paper', 'released', 'plain'] as const)
  return {
    ...backbone,
    ...(variant && { variant }),
    numStrategies: read.integer('num_strategies', 1, 1024, 8),
    maxPostBlocks: MAX_POST_BLOCKS,
    maxSituationBlocks: MAX_SITUATION_BLOCKS,
    maxBlockLength: MAX_BLOCK_LENGTH,
  }
}
