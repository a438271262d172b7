import { InputError } from '../errors.js'
import { quote } from '../quote.js'
import { checkOption, checkTogether, type GenerationOptions, isOptionName, optionTable, snakeCase } from './options.js'
import { acceptedEosIds, type ConfigIds, isId, readEosIds, type TokenRules } from './token-rules.js'

/** Ids of one key that forbids some, at most: bounds what every step reads. */
const MAX_FORBIDDEN_IDS = 2 ** 15

/** Keys that say nothing about how a reply is drawn: one starts from the decoder's start id, and never from `bos`. */
const SILENT = new Set(['transformers_version', 'bos_token_id'])

/** What Hugging Face's other keys hold when they change nothing; `null`, `false` and empty lists never do. */
const NEUTRAL: Readonly<Record<string, number | boolean>> = {
  diversity_penalty: 0,
  encoder_no_repeat_ngram_size: 0,
  encoder_repetition_penalty: 1,
  epsilon_cutoff: 0,
  eta_cutoff: 0,
  num_beam_groups: 1,
  typical_p: 1,
  use_cache: true,
}

/** A key about single ids. */
interface RuleKey {
  /** What it takes, in words. */
  readonly accepts: string
  /** What it says; undefined where the value is not what it takes. */
  read(value: unknown, vocabSize: number, eosIds: readonly number[]): Partial<TokenRules> | undefined
}

const idList = `a list of at most ${MAX_FORBIDDEN_IDS} ids`

/** The keys about single ids, in the order in which they are read. */
const ruleKeys: Readonly<Record<string, RuleKey>> = {
  decoder_start_token_id: {
    accepts: 'an id',
    read: (value, vocabSize) => (isId(value, vocabSize) ? { decoderStartId: value } : undefined),
  },
  pad_token_id: {
    accepts: 'an id',
    read: (value, vocabSize) => (isId(value, vocabSize) ? { padId: value } : undefined),
  },
  eos_token_id: {
    accepts: acceptedEosIds,
    read: (value, vocabSize) => {
      const eosIds = readEosIds(value, vocabSize)
      return eosIds && { eosIds }
    },
  },
  forced_bos_token_id: {
    accepts: 'an id',
    read: (value, vocabSize) => (isId(value, vocabSize) ? { forcedFirst: [value] } : undefined),
  },
  forced_eos_token_id: {
    accepts: acceptedEosIds,
    read: (value, vocabSize) => {
      const forcedLast = readEosIds(value, vocabSize)
      return forcedLast && { forcedLast }
    },
  },
  begin_suppress_tokens: {
    accepts: idList,
    read: (value, vocabSize) => (isIdList(value, vocabSize) ? { forbiddenFirst: value } : undefined),
  },
  suppress_tokens: {
    accepts: idList,
    read: (value, vocabSize) => (isIdList(value, vocabSize) ? { forbiddenRuns: value.map((id) => [id]) } : undefined),
  },
  bad_words_ids: {
    accepts: `a list of lists of ids, together at most ${MAX_FORBIDDEN_IDS} ids`,
    read: (value, vocabSize, eosIds) => {
      if (!Array.isArray(value) || value.flat().length > MAX_FORBIDDEN_IDS) return undefined
      if (!value.every((run) => isIdList(run, vocabSize))) return undefined
      // A word that is the end of a reply is none: transformers leaves it out too.
      return { forbiddenRuns: value.filter((run) => run.length > 1 || !eosIds.includes(run[0]!)) }
    },
  },
}

/** What a generation_config.json says. */
export interface GenerationConfig {
  /**
   * The options that it sets. Where it turns sampling off, as beams do, those that only sampling uses are not checked.
   */
  readonly options: GenerationOptions
  /** What it says of single ids; it overrules config.json. */
  readonly rules: Partial<TokenRules>
  /** A line for stderr where it asks for what replies are made without, such as groups of beams. */
  readonly warnings: readonly string[]
}

/**
 * Reads a generation_config.json. Every key is honoured, named in a warning, or of no effect.
 *
 * @param json the parsed file
 * @param file its path, for messages
 * @param config what config.json says
 * @throws InputError where the file is no JSON object, an option in it is out of range, options contradict each other, or an id
 *   is not in the vocabulary
 */
export function parseGenerationConfig(json: unknown, file: string, config: ConfigIds): GenerationConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new InputError(`${file} must hold a JSON object with generation options`)
  }
  const given = new Map(Object.entries(json).filter(([, value]) => !isNothing(value)))
  const beams = given.get('num_beams')
  const searched = typeof beams === 'number' && beams > 1
  // Where a file says nothing of it, Hugging Face samples not; so beams are no contradiction.
  if (searched && !given.has('do_sample')) given.set('do_sample', false)
  const sampled = given.get('do_sample') !== false
  const options: Record<string, unknown> = {}
  const ignored: string[] = []
  for (const [key, value] of given) {
    const name = camelCase(key)
    // Several replies of one search are given, but not several drawn at random.
    const drawnAlone = name === 'numReturnSequences' && value !== 1 && !searched
    if (isOptionName(name) && key === snakeCase(name) && !drawnAlone) {
      const counts = sampled || !optionTable[name].sampling
      options[name] = counts ? checkOption(name, value, `${file}: ${key}`) : value
    } else if (!Object.hasOwn(ruleKeys, key) && !changesNothing(key, value)) {
      ignored.push(`${/^\w{1,60}$/.test(key) ? key : quote(key)} ${quote(value)}`)
    }
  }
  checkTogether(options, (name) => `${file}: ${snakeCase(name)}`)
  const warnings = ignored.length > 0 ? [`${file}: replies are drawn without ${ignored.join(', ')}`] : []
  return { options, rules: readRules(given, file, config), warnings }
}

function readRules(given: ReadonlyMap<string, unknown>, file: string, config: ConfigIds): Partial<TokenRules> {
  const { vocabSize } = config
  let rules: Partial<TokenRules> = {}
  for (const [key, { accepts, read }] of Object.entries(ruleKeys)) {
    if (!given.has(key)) continue
    const value = given.get(key)
    const said = read(value, vocabSize, rules.eosIds ?? config.eosIds)
    if (!said) {
      throw new InputError(`${file}: ${key} must be ${accepts} from 0 to ${vocabSize - 1}, got ${quote(value)}`)
    }
    const forbiddenRuns = [...(rules.forbiddenRuns ?? []), ...(said.forbiddenRuns ?? [])]
    rules = { ...rules, ...said, forbiddenRuns }
  }
  return rules
}

function isIdList(value: unknown, vocabSize: number): value is number[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_FORBIDDEN_IDS) return false
  return value.every((it) => isId(it, vocabSize))
}

const isNothing = (value: unknown): boolean => value === null || (Array.isArray(value) && value.length === 0)

function changesNothing(key: string, value: unknown): boolean {
  return value === false || SILENT.has(key) || key.startsWith('_') || NEUTRAL[key] === value
}

function camelCase(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
