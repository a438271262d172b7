import { InputError } from '../errors.js'
import { type ResolvedOptions, resolveOptions } from '../generation/options.js'
import { randomWord } from '../generation/random.js'
import type { MiscConfig } from '../models/misc/config.js'
import type { DialogueIds } from '../models/misc/misc.js'

/** The work that is timed: its lengths, how often, and the seed of its ids. */
export interface Workload {
  /** Ids of each dialogue's context. */
  readonly context: number
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

/**
 * The work to time: what was asked for, checked, and the standard for the rest, cut to what the model can do.
 *
 * @throws InputError naming the flag that is out of range.
 */
export function resolveWorkload(asked: Partial<Workload>, config: MiscConfig): Workload {
  const { maxPositions, maxPostBlocks, maxSituationBlocks, maxBlockLength } = config
  const ranges: Record<keyof Workload, readonly [least: number, most: number]> = {
    context: [1, maxPositions],
    postBlocks: [0, maxPostBlocks],
    situationBlocks: [0, maxSituationBlocks],
    blockLength: [1, Math.min(maxBlockLength, maxPositions)],
    tokens: [2, maxPositions],
    batch: [1, 256],
    repetitions: [1, 10_000],
    warmups: [0, 10_000],
    seed: [0, Number.MAX_SAFE_INTEGER],
  }
  const value = (name: keyof Workload): number => {
    const [least, most] = ranges[name]
    const wanted = asked[name]
    if (wanted === undefined) return Math.min(standardWorkload[name], most)
    if (Number.isInteger(wanted) && wanted >= least && wanted <= most) return wanted
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    throw new InputError(`--${flag} must be a whole number from ${least} to ${most} for this model, got ${wanted}`)
  }
  const names = Object.keys(ranges) as (keyof Workload)[]
  return Object.fromEntries(names.map((name) => [name, value(name)])) as unknown as Workload
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
