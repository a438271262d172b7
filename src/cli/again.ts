import { usualSearch } from '../engine/comet-folder.js'
import type { EngineTypes } from '../engine/engine-types.js'
import type { EventExplanation } from '../engine/explain-comet.js'
import type { Explanation } from '../engine/explanation.js'
import { type OptionName, optionTable, type ResolvedOptions } from '../generation/options.js'
import { flagOf } from './generation-flags.js'
import type { ReplyFlags } from './reply-command.js'

/** The command that draws an explained reply again: nothing is left to defaults, which another version may change. */
export function drawnAgain(
  model: string | undefined,
  { comet, strategy, sampleStrategy, roles, tokenized, noise }: ReplyFlags,
  { options, dtype }: Pick<Explanation<EngineTypes>, 'options' | 'dtype'>,
): string {
  const { doSample, numBeams } = options
  const counts = (name: string) =>
    !(optionTable[name as OptionName].sampling && !doSample) && !(name === 'doSample' && numBeams > 1)
  const own = { comet, strategy, sampleStrategy, roles, tokenized, noise }
  return [
    'misc generate',
    ...modelWord(model),
    '--input FILE',
    ...flagWords({ dtype, ...own, ...only(options, counts) }),
  ].join(' ')
}

/** The command that asks a COMET again. */
export function askedAgain(model: string | undefined, { event, options, dtype }: EventExplanation): string {
  const search = only(options, (name) => name in usualSearch)
  return ['misc comet', ...modelWord(model), ...flagWords({ event, dtype, ...search })].join(' ')
}

const modelWord = (model: string | undefined) => (model === undefined ? [] : [quoted(model)])

const only = (options: ResolvedOptions, counts: (name: string) => boolean) =>
  Object.fromEntries(Object.entries(options).filter(([name]) => counts(name)))

const flagWords = (flags: Readonly<Record<string, unknown>>): string[] =>
  Object.entries(flags).flatMap(([name, value]) => {
    if (value === undefined) return []
    if (typeof value !== 'boolean') return [flagOf(name), quoted(String(value))]
    return [value ? flagOf(name) : flagOf(name).replace('--', '--no-')]
  })

/** A word as a shell reads it. */
const quoted = (word: string): string => (/^[\w./:=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)
