import { InputError } from '../errors.js'
import { type ResolvedOptions, resolveOptions } from '../generation/options.js'
import { randomWord } from '../generation/random.js'
import type { MiscConfig } from '../models/misc/config.js'
import type { DialogueIds } from '../models/misc/misc.js'
import type { ModelDescription } from '../models/registry.js'

/** The work that is timed: its lengths, how often, and the seed of its ids. */
export interface Workload {
  /** Ids of each dialogue's context: of whatever text the model reads. */
  readonly context: number
  /** 0 where the model reads no blocks. */
  readonly postBlocks: number
  readonly situationBlocks: number
  /** Ids of each block. */
  readonly blockLength: number
  /** Ids drawn for each reply. */
  readonly tokens: number
  /** Dialogues encoded, and replies drawn, together. */
  readonly batch: number
  /** Timed runs. */
  readonly repetitions: number
  /** Runs before them that do not count. */
  readonly warmups: number
  /** Of the ids of contexts and blocks, and of the draws. */
  readonly seed: number
}

/** What of a model says how much work it has room for. */
export type Room = Pick<ModelDescription, 'config' | 'cache'>

/** What stands where the caller asks for nothing else: the work that the peers are timed on. */
export const standardWorkload: Workload = {
  context: 200,
  postBlocks: 30,
  situationBlocks: 20,
  blockLength: 5,
  tokens: 32,
  batch: 1,
  repetitions: 5,
  warmups: 1,
  seed: 1,
}

/** Whether a model attends to itself alone: its positions are those of a prompt and of what follows it. */
export const isPrompted = ({ cache }: Pick<Room, 'cache'>): boolean => cache.sources.length === 0

/**
 * The work to time: what was asked for, checked, and the standard for the rest, cut to what the model can do.
 *
 * @throws InputError naming the flag that is out of range.
 */
export function resolveWorkload(asked: Partial<Workload>, model: Room): Workload {
  const { config } = model
  const { maxPositions } = config
  const prompted = isPrompted(model)
  const resolve = (name: keyof Workload, least: number, most: number, usual = standardWorkload[name]): number => {
    const wanted = asked[name]
    if (wanted === undefined) return Math.min(usual, most)
    if (Number.isInteger(wanted) && wanted >= least && wanted <= most) return wanted
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    throw new InputError(`--${flag} must be a whole number from ${least} to ${most} for this model, got ${wanted}`)
  }
  const half = Math.min(standardWorkload.context, Math.ceil(maxPositions / 2))
  const context = prompted ? resolve('context', 1, maxPositions - 1, half) : resolve('context', 1, maxPositions)
  const blocks = 'maxPostBlocks' in config ? config : { maxPostBlocks: 0, maxSituationBlocks: 0, maxBlockLength: 0 }
  return {
    context,
    postBlocks: resolve('postBlocks', 0, blocks.maxPostBlocks),
    situationBlocks: resolve('situationBlocks', 0, blocks.maxSituationBlocks),
    blockLength: resolve('blockLength', 1, Math.min(blocks.maxBlockLength, maxPositions)),
    // The decoder reads a prompt's last id and all but the last of what follows it.
    tokens: resolve('tokens', 2, prompted ? maxPositions - context + 1 : maxPositions),
    batch: resolve('batch', 1, 256),
    repetitions: resolve('repetitions', 1, 10_000),
    warmups: resolve('warmups', 0, 10_000),
    seed: resolve('seed', 0, Number.MAX_SAFE_INTEGER),
  }
}

/** Random ids, the same for the same seed: each call gives a sequence of so many. */
export function randomIds(seed: number, vocabSize: number): (length: number) => number[] {
  let drawn = 0
  return (length) => Array.from({ length }, () => randomWord(seed, drawn++) % vocabSize)
}

/** The dialogues of a workload, made of random ids. */
export function makeDialogues(workload: Workload, config: MiscConfig): DialogueIds[] {
  const { context, postBlocks, situationBlocks, blockLength, batch, seed } = workload
  const ids = randomIds(seed, config.vocabSize)
  const blocks = (length: number) => Array.from({ length }, () => ids(blockLength))
  return Array.from({ length: batch }, () => ({
    context: ids(context),
    post: blocks(postBlocks),
    situation: blocks(situationBlocks),
  }))
}

/** How the ids are drawn: with all the standard processors and warpers, but a reply cannot end before its last id. */
export function drawOptions({ tokens, seed }: Workload): ResolvedOptions {
  return resolveOptions({ maxNewTokens: tokens, minLength: tokens + 1, seed })
}
