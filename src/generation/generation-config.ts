import { InputError } from '../errors.js'
import { checkOption, type GenerationOptions, isOptionName, snakeCase } from './options.js'

/** Keys that say nothing about how a reply is drawn, or that config.json says too. */
const SILENT = new Set([
  'transformers_version',
  'bos_token_id',
  'decoder_start_token_id',
  'eos_token_id',
  'pad_token_id',
])

/** What Hugging Face's other keys hold when they change nothing; `null`, `false` and empty lists never do. */
const NEUTRAL: Readonly<Record<string, number | boolean>> = {
  diversity_penalty: 0,
  encoder_no_repeat_ngram_size: 0,
  encoder_repetition_penalty: 1,
  epsilon_cutoff: 0,
  eta_cutoff: 0,
  length_penalty: 1,
  num_beam_groups: 1,
  num_beams: 1,
  num_return_sequences: 1,
  typical_p: 1,
  use_cache: true,
}

/**
 * Reads the options out of a generation_config.json.
 *
 * @param json the parsed file
 * @param file its path, for messages
 * @returns the options that it sets, and a line for stderr when it asks for what replies are made without, such as beams
 * @throws InputError when the file is no JSON object or one of the options in it is out of range
 */
export function parseGenerationConfig(json: unknown, file: string): { options: GenerationOptions; warnings: string[] } {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new InputError(`${file} must hold a JSON object with generation options`)
  }
  const options: Record<string, boolean | number> = {}
  const ignored: string[] = []
  for (const [key, value] of Object.entries(json)) {
    const name = camelCase(key)
    if (isOptionName(name) && key === snakeCase(name)) {
      if (value !== null) options[name] = checkOption(name, value, `${file}: ${key}`)
    } else if (!isSilent(key, value)) {
      ignored.push(`${key} ${JSON.stringify(value)}`)
    }
  }
  const warnings = ignored.length > 0 ? [`${file}: replies are drawn without ${ignored.join(', ')}`] : []
  return { options, warnings }
}

function isSilent(key: string, value: unknown): boolean {
  if (value === null || value === false || (Array.isArray(value) && value.length === 0)) return true
  return SILENT.has(key) || key.startsWith('_') || NEUTRAL[key] === value
}

function camelCase(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
