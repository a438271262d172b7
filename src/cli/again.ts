import type { EngineTypes } from '../engine/engine-types.js'
import type { Explanation } from '../engine/explanation.js'
import { type OptionName, optionTable } from '../generation/options.js'
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
  const drawing = Object.entries(options).filter(([name]) => counts(name))
  const flags = Object.entries({
    dtype,
    comet,
    strategy,
    sampleStrategy,
    roles,
    tokenized,
    noise,
    ...Object.fromEntries(drawing),
  })
  const words = flags.flatMap(([name, value]) => {
    if (value === undefined) return []
    if (typeof value !== 'boolean') return [flagOf(name), quoted(String(value))]
    return [value ? flagOf(name) : flagOf(name).replace('--', '--no-')]
  })
  return ['misc generate', ...(model === undefined ? [] : [quoted(model)]), '--input FILE', ...words].join(' ')
}

/** A word as a shell reads it. */
const quoted = (word: string): string => (/^[\w./:=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)
