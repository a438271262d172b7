import { Option } from 'commander'
import {
  checkOption,
  checkTogether,
  type GenerationOptions,
  isOptionName,
  type OptionName,
  optionNames,
  optionTable,
  snakeCase,
} from '../generation/options.js'

/** What holds for a reply where neither its folder nor a flag says otherwise. */
const ofReplies: GenerationOptions = Object.fromEntries(optionNames.map((name) => [name, optionTable[name].default]))

/**
 * A flag for every generation option, or every one that these defaults name, named as in generation_config.json with
 * hyphens: `--top-p <number>`.
 *
 * @param whose what the help says before each of them
 */
export function generationFlags(defaults = ofReplies, whose = 'default'): Option[] {
  return (Object.keys(defaults) as OptionName[]).flatMap((name) => {
    const { type, help } = optionTable[name]
    const standard = defaults[name]
    const flag = flagOf(name)
    const value = { boolean: ' [true|false]', integer: ' <n>', number: ' <x>' }[type]
    const option = new Option(`${flag}${value}`, standard === undefined ? help : `${help} (${whose} ${standard})`)
    // Commander takes every flag that begins with --no- for a negation; --no-repeat-ngram-size is none.
    option.negate = false
    option.argParser((text: string) => readValue(name, text))
    return type === 'boolean' ? [option, new Option(flag.replace('--', '--no-')).hideHelp()] : [option]
  })
}

/** What a family's program says that differs from what {@link generationFlags} shows, as `top_k 3, max_length 32`. */
export function otherDefaults(defaults: GenerationOptions): string {
  const names = optionNames.filter(
    (name) => defaults[name] !== undefined && defaults[name] !== optionTable[name].default,
  )
  return names.map((name) => `${snakeCase(name)} ${defaults[name]}`).join(', ')
}

/**
 * The generation options among a command's parsed flags.
 *
 * @throws InputError that names the flag, where a value is out of range or flags contradict each other; those that only sampling uses may be anything where
 * the flags turn it off.
 */
export function generationOptions(flags: Readonly<Record<string, unknown>>): GenerationOptions {
  const options = Object.entries(flags).filter((it): it is [OptionName, unknown] => isOptionName(it[0]))
  for (const [name, value] of options) {
    if (flags.doSample !== false || !optionTable[name].sampling) checkOption(name, value, flagOf(name))
  }
  const together = Object.fromEntries(options)
  checkTogether(together, flagOf)
  return together
}

/** The flag of an option. */
export const flagOf = (name: string): string => `--${snakeCase(name).replaceAll('_', '-')}`

/** What the text stands for; the text itself where it stands for nothing, so that an error message shows it. */
function readValue(name: OptionName, text: string): boolean | number | string {
  if (optionTable[name].type === 'boolean') return text === 'true' || (text === 'false' ? false : text)
  return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text)
}
