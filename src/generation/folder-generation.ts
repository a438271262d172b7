import { InputError } from '../errors.js'
import { fileIn } from '../io/path-of.js'
import { quote } from '../quote.js'
import { type OptionName, snakeCase } from './options.js'

/** What of a config.json is about generation; transformers before 4.26 kept it there. */
const GENERATION_KEYS = [
  ...['max_length', 'min_length', 'do_sample', 'early_stopping', 'num_beams', 'num_beam_groups', 'diversity_penalty'],
  ...['temperature', 'top_k', 'top_p', 'typical_p', 'repetition_penalty', 'length_penalty', 'no_repeat_ngram_size'],
  ...['encoder_no_repeat_ngram_size', 'bad_words_ids', 'num_return_sequences', 'forced_bos_token_id'],
  ...['forced_eos_token_id', 'suppress_tokens', 'begin_suppress_tokens', 'max_new_tokens'],
]

/** What task parameters hold beside options: the text that a task puts before its input. The released program does not read it. */
const NO_OPTION = ['prefix']

/** What is known of the program that a folder is of. */
export interface GenerationProgram {
  /** The task whose parameters it takes from config.json (`use_task_specific_params`), as COMET-BART's does. */
  readonly task?: string
  /** Options that it passes itself: what config.json has kept of them, of the model that training began with, counts for nothing. */
  readonly passed?: readonly OptionName[]
}

/** What a folder says of how its model generates. */
export interface FolderGeneration {
  /** One record of generation_config.json's keys, to be read by {@link parseGenerationConfig}. */
  readonly values: Readonly<Record<string, unknown>>
  /** Which file says so, or the folder where several may; for messages. */
  readonly source: string
}

/**
 * Lays over each other what the files of a folder say. The later of these wins, a `null` says nothing: config.json's own
 * generation keys, its parameters of the task (as the program of COMET-ATOMIC 2020 lays them over these), generation_config.json.
 *
 * @param config the parsed config.json
 * @param generation the parsed generation_config.json; undefined where there is none
 * @throws InputError where one of them, or the task's parameters, is no JSON object
 */
export function folderGeneration(
  config: unknown,
  generation: unknown,
  folder: string,
  { task, passed = [] }: GenerationProgram = {},
): FolderGeneration {
  const own = object(config, `${folder}: config.json`)
  const tasks =
    task === undefined ? {} : object(own.task_specific_params ?? {}, `${folder}: config.json’s task_specific_params`)
  const ofTask =
    task === undefined ? {} : object(tasks[task] ?? {}, `${folder}: config.json’s task_specific_params.${task}`)
  const [configFile, generationFile] = [fileIn(folder, 'config.json'), fileIn(folder, 'generation_config.json')]
  const overruled = passed.map(snakeCase)
  const ofConfig = [
    ...said(own).filter(([key]) => GENERATION_KEYS.includes(key) && !overruled.includes(key)),
    ...said(ofTask).filter(([key]) => !NO_OPTION.includes(key)),
  ]
  const ofGeneration = said(object(generation ?? {}, generationFile))
  const source = ofConfig.length === 0 ? generationFile : ofGeneration.length === 0 ? configFile : folder
  return { values: Object.fromEntries([...ofConfig, ...ofGeneration]), source }
}

const said = (values: Record<string, unknown>): [string, unknown][] =>
  Object.entries(values).filter(([, value]) => value !== null)

function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new InputError(`${what} must be a JSON object, got ${quote(value)}`)
}
