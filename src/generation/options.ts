import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { nearest } from './nearest.js'
import { randomSeed } from './seed.js'

/**
 * How a reply is drawn. Every name is that of Hugging Face's generation_config.json in camelCase (`topP` is `top_p`), and
 * means the same; ranges and defaults are what `misc generate --help` prints.
 */
export interface GenerationOptions {
  /** Draw at random (the default), or take the best id at every step. */
  doSample?: boolean | undefined
  /** Scores are divided by it before the draw: below 1 bolder, above 1 more varied. */
  temperature?: number | undefined
  /** Only the k best ids can be drawn, and those that tie with the last; 0 turns it off. */
  topK?: number | undefined
  /** Only the fewest best ids whose probabilities add up to more than this can be drawn; 1 turns it off. */
  topP?: number | undefined
  /** Above 1, ids that stood before score lower; 1 turns it off. */
  repetitionPenalty?: number | undefined
  /** No run of this many ids stands twice; 0 turns it off. */
  noRepeatNgramSize?: number | undefined
  /** The reply cannot end while fewer ids than this stand before, the start id included. */
  minLength?: number | undefined
  /** The reply ends at this many ids, the start id included. */
  maxLength?: number | undefined
  /** The same without the start id; overrules `maxLength` where both are given. */
  maxNewTokens?: number | undefined
  /**
   * Let `repetitionPenalty`, `noRepeatNgramSize` and `minLength` see the context before the reply, as the authors'
   * released program does, rather than the reply alone.
   */
  penalizeContext?: boolean | undefined
  /** Looks for the likeliest reply among so many at every step (beam search) rather than drawing one at random; 1 turns it off. */
  numBeams?: number | undefined
  /** Of beams: a reply's log-probability is divided by its length to this power, so that above 0 longer ones win. */
  lengthPenalty?: number | undefined
  /** Of beams: end as soon as there are `numBeams` finished replies, rather than when none can be better. */
  earlyStopping?: boolean | undefined
  /** Of beams: how many replies are given, best first; at most `numBeams`. */
  numReturnSequences?: number | undefined
  /** Starts the random numbers: the same seed, model and input give the same reply. Without one, a random seed. */
  seed?: number | undefined
}

/** The name of a generation option. */
export type OptionName = keyof GenerationOptions

/** Options with nothing left open: defaults filled in, `maxNewTokens` folded into `maxLength`, the seed chosen. */
export type ResolvedOptions = {
  readonly [Name in Exclude<keyof GenerationOptions, 'maxNewTokens'>]-?: NonNullable<GenerationOptions[Name]>
}

/** What an option accepts: flags, error messages and tables in the documentation are made from this. */
export interface OptionSpec {
  readonly type: 'boolean' | 'integer' | 'number'
  /** The least value allowed. */
  readonly min?: number
  /** Values must be above this. */
  readonly above?: number
  /** The greatest value allowed. */
  readonly max?: number
  /** Used only where ids are drawn at random: with `doSample` off, its value counts for nothing and is not checked. */
  readonly sampling?: true
  /** What holds where neither the caller nor generation_config.json says otherwise. */
  readonly default?: boolean | number
  readonly help: string
}

const U32 = 2 ** 32 - 1

/**
 * Every generation option. The defaults are the paper's (top-p 0.3, top-k 30, temperature 0.7, penalty 1.03) with the
 * lengths and the n-gram size of the authors' program.
 */
export const optionTable: Readonly<Record<OptionName, OptionSpec>> = {
  doSample: { type: 'boolean', default: true, help: 'draw at random; otherwise always take the best id' },
  temperature: { type: 'number', above: 0, sampling: true, default: 0.7, help: 'below 1 bolder, above 1 more varied' },
  topK: {
    type: 'integer',
    min: 0,
    max: U32,
    sampling: true,
    default: 30,
    help: 'draw from the k best ids only; 0: from all',
  },
  topP: {
    type: 'number',
    sampling: true,
    above: 0,
    max: 1,
    default: 0.3,
    help: 'draw from the fewest best ids that together are more probable than this; 1: from all',
  },
  repetitionPenalty: {
    type: 'number',
    above: 0,
    default: 1.03,
    help: 'above 1, ids that stood before score lower; 1: off',
  },
  noRepeatNgramSize: { type: 'integer', min: 0, max: U32, default: 3, help: 'no run of n ids stands twice; 0: off' },
  minLength: { type: 'integer', min: 0, max: U32, default: 5, help: 'fewest ids of a reply, counting the start id' },
  maxLength: { type: 'integer', min: 2, max: U32, default: 512, help: 'most ids of a reply, counting the start id' },
  maxNewTokens: { type: 'integer', min: 1, max: U32 - 1, help: 'most ids of a reply, not counting the start id' },
  penalizeContext: {
    type: 'boolean',
    default: false,
    help: 'let penalty, n-grams and min_length see the context too, as the authors’ program does',
  },
  numBeams: {
    type: 'integer',
    min: 1,
    max: 128,
    default: 1,
    help: 'search for the likeliest reply with n beams, which draws none at random; 1: off',
  },
  lengthPenalty: {
    type: 'number',
    min: -16,
    max: 16,
    default: 1,
    help: 'with beams: scores are divided by length to this power; more favours longer replies',
  },
  earlyStopping: {
    type: 'boolean',
    default: false,
    help: 'with beams: end at n finished replies, though a better one may come',
  },
  numReturnSequences: {
    type: 'integer',
    min: 1,
    max: 128,
    default: 1,
    help: 'with beams: give the n best replies, at most as many as beams',
  },
  seed: { type: 'integer', min: 0, max: Number.MAX_SAFE_INTEGER, help: 'repeat a reply; without one, a random seed' },
}

/** Every option's name. */
export const optionNames = Object.keys(optionTable) as OptionName[]

/** The name as generation_config.json spells it: `topP` is `top_p`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/**
 * Checks one value.
 *
 * @param shown the option's name as the user wrote it, for the message
 * @throws InputError when the type is wrong or the value is out of range
 */
export function checkOption(name: OptionName, value: unknown, shown: string = name): boolean | number {
  const spec = optionTable[name]
  if (spec.type === 'boolean') {
    if (typeof value === 'boolean') return value
  } else if (typeof value === 'number' && Number.isFinite(value)) {
    const { min = -Infinity, above = -Infinity, max = Infinity } = spec
    if (value >= min && value > above && value <= max && (spec.type === 'number' || Number.isInteger(value)))
      return value
  }
  const hint = name === 'temperature' && value === 0 ? '; for the best id at every step turn doSample off' : ''
  throw new InputError(`${shown} must be ${accepted(spec)}, got ${quote(value)}${hint}`)
}

/** The range in words: "a number above 0 and at most 1". */
function accepted({ type, min, above, max }: OptionSpec): string {
  if (type === 'boolean') return 'true or false'
  const bounds = [
    above !== undefined && `above ${above}`,
    min !== undefined && `at least ${min}`,
    max !== undefined && `at most ${max}`,
  ].filter(Boolean)
  return `${type === 'integer' ? 'a whole number' : 'a number'} ${bounds.join(' and ')}`
}

/**
 * Checks options that were asked for together.
 *
 * @param shown an option's name as the user wrote it, for messages
 * @throws InputError where they contradict each other: beams beside what only sampling uses (but where `doSample` is said to be
 *   off, for then that counts for nothing), or fewer beams than sequences to return.
 */
export function checkTogether(options: GenerationOptions, shown: (name: OptionName) => string = (name) => name): void {
  const { numBeams, doSample, numReturnSequences } = options
  if (numBeams === undefined) return
  const beams = `${shown('numBeams')} ${numBeams}`
  if (numBeams > 1 && doSample !== false) {
    const random = optionNames.find((name) => optionTable[name].sampling && options[name] !== undefined)
    const asked = doSample ? `${shown('doSample')} true` : random && shown(random)
    if (asked) throw new InputError(`${asked} and ${beams} contradict each other: ${beamsDrawNothing}`)
  }
  if (numReturnSequences !== undefined && numReturnSequences > numBeams) {
    throw new InputError(
      `${shown('numReturnSequences')} ${numReturnSequences} is more than ${beams}: there are as many replies as beams at most`,
    )
  }
}

const beamsDrawNothing = 'a beam search draws nothing at random; leave one of them out'

/**
 * Lays options over the defaults; later layers win, and `undefined` leaves a value as it was. Where nothing is sampled,
 * the options that only sampling uses keep their defaults. Of `numBeams` above 1 and `doSample`, the one that was asked for
 * later turns the other off.
 *
 * @param layers for example what {@link parseGenerationConfig} found, then what the caller asks for
 * @throws InputError on an unknown option (suggesting the one that was probably meant), a value out of range, or options of
 *   one layer that contradict each other ({@link checkTogether}), or a layer's what holds from those before
 */
export function resolveOptions(...layers: readonly (GenerationOptions | undefined)[]): ResolvedOptions {
  const result: Record<string, boolean | number> = {}
  const sampling: GenerationOptions = {}
  /** The layer that said it last, from 1 on; 0: none. */
  const saidBy: Partial<Record<OptionName, number>> = {}
  for (const name of optionNames) {
    const value = optionTable[name].default
    if (value !== undefined) result[name] = value
  }
  for (const [i, layer] of layers.entries()) {
    for (const [name, value] of Object.entries(layer ?? {})) {
      if (!isOptionName(name)) throw unknownOption(name)
      if (value === undefined) continue
      if (optionTable[name].sampling) Object.assign(sampling, { [name]: value })
      else result[name] = checkOption(name, value)
      saidBy[name] = layer?.doSample === false && optionTable[name].sampling ? 0 : i + 1
    }
    checkTogether(layer ?? {})
    // Folded in layer by layer, so that a later maxLength wins over an earlier maxNewTokens.
    if (result.maxNewTokens !== undefined) result.maxLength = Number(result.maxNewTokens) + 1
    delete result.maxNewTokens
  }
  settleBeams(result, saidBy)
  // Only now is it known whether anything is sampled.
  if (result.doSample) {
    for (const [name, value] of Object.entries(sampling)) result[name] = checkOption(name as OptionName, value)
  }
  result.seed ??= randomSeed()
  return result as unknown as ResolvedOptions
}

/** Beams or sampling, and no more sequences than beams, where different layers asked for them. */
function settleBeams(result: Record<string, boolean | number>, saidBy: Partial<Record<OptionName, number>>): void {
  const by = (name: OptionName) => saidBy[name] ?? 0
  let decided = by('numBeams')
  if (Number(result.numBeams) > 1) {
    if (result.doSample && by('doSample') > decided) {
      decided = by('doSample')
      result.numBeams = 1
    } else {
      const random = optionNames.find((name) => optionTable[name].sampling && by(name) > decided)
      if (random) {
        throw new InputError(`${random} and numBeams ${result.numBeams} contradict each other: ${beamsDrawNothing}`)
      }
      result.doSample = false
    }
  }
  if (Number(result.numReturnSequences) <= Number(result.numBeams)) return
  if (by('numReturnSequences') >= decided) {
    throw new InputError(
      `numReturnSequences ${result.numReturnSequences} is more than numBeams ${result.numBeams}: ` +
        'there are as many replies as beams at most; ask for more beams',
    )
  }
  result.numReturnSequences = result.numBeams!
}

/** Whether there is a generation option of this (camelCase) name. */
export function isOptionName(name: string): name is OptionName {
  return Object.hasOwn(optionTable, name)
}

function unknownOption(name: string): InputError {
  const meant = nearest(name, optionNames)
  const advice = meant ? `did you mean ${meant}?` : `there are ${optionNames.join(', ')}`
  return new InputError(`unknown generation option ${quote(name)}: ${advice}`)
}
