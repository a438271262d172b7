import { InputError } from '../errors.js'
import { quote } from '../quote.js'

/** The task whose parameters COMET-BART's program takes from config.json (`use_task_specific_params`). */
const TASK = 'summarization'

/** What of a config.json is about generation; transformers before 4.26 kept it there. */
const GENERATION_KEYS = [
  ...['max_length', 'min_length', 'do_sample', 'early_stopping', 'num_beams', 'num_beam_groups', 'diversity_penalty'],
  ...['temperature', 'top_k', 'top_p', 'typical_p', 'repetition_penalty', 'length_penalty', 'no_repeat_ngram_size'],
  ...['encoder_no_repeat_ngram_size', 'bad_words_ids', 'num_return_sequences', 'forced_bos_token_id'],
  ...['forced_eos_token_id', 'suppress_tokens', 'begin_suppress_tokens', 'max_new_tokens'],
]

/** What task parameters hold beside options: the text that a task puts before its input. The released program does not read it. */
const NO_OPTION = ['prefix']

/**
 * How a COMET folder says tails are made: one record of generation_config.json's keys, to be read by
 * {@link parseGenerationConfig}. The later of these wins, a `null` says nothing: config.json's own generation keys, its
 * `task_specific_params.summarization` (as the program of COMET-ATOMIC 2020 lays it over them), generation_config.json.
 *
 * @param config the parsed config.json
 * @param generation the parsed generation_config.json; undefined where there is none
 * @param folder for messages
 * @throws InputError where one of them, or the task's parameters, is no JSON object
 */
export function cometGeneration(config: unknown, generation: unknown, folder: string): Record<string, unknown> {
  const own = object(config, `${folder}: config.json`)
  const tasks = object(own.task_specific_params ?? {}, `${folder}: config.json’s task_specific_params`)
  const task = object(tasks[TASK] ?? {}, `${folder}: config.json’s task_specific_params.${TASK}`)
  const layers = [
    said(own).filter(([key]) => GENERATION_KEYS.includes(key)),
    said(task).filter(([key]) => !NO_OPTION.includes(key)),
    said(object(generation ?? {}, `${folder}: generation_config.json`)),
  ]
  return Object.fromEntries(layers.flat())
}

const said = (values: Record<string, unknown>): [string, unknown][] =>
  Object.entries(values).filter(([, value]) => value !== null)

function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new InputError(`${what} must be a JSON object, got ${quote(value)}`)
}
