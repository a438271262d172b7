import { InputError } from '../errors.js'
import { type JsonEntry, readJsonEntries } from '../io/json-entries.js'
import { rankStrategies, type StrategyPrediction } from '../metrics/strategy-accuracy.js'
import { quote } from '../quote.js'
import { STRATEGIES, type StrategyName, strategyNamed } from './strategies.js'

/** The most characters of a reply; the time that scores take grows with their square. */
const MAX_REPLY_LENGTH = 10_000

/** Replies, the ones they are compared with, and predicted strategies where there are any. */
export interface RepliesToCompare {
  readonly hypotheses: readonly string[]
  readonly references: readonly string[]
  readonly strategies?: readonly StrategyPrediction[]
}

/** Where replies and strategies lie. */
export interface ReplyFiles {
  readonly hypotheses: string
  readonly references: string
  readonly strategies?: string
}

/**
 * Reads replies to compare. Each file is a JSON list or JSON Lines. A reply is a string, or an object whose `text` it is, as
 * `misc generate --json` prints. A strategy is `{"reference", "hypothesis"}`: the name of the one taken, in brackets or not; and
 * that of the one predicted, a list of names with the likeliest first, `{"logits": [8]}` in the order of their ids, or
 * `{"probs": {name: probability}}` as `misc generate --json` has under `strategy`.
 *
 * @throws InputError naming the file and line, or where the files hold different numbers of entries, or none
 */
export async function readRepliesToCompare(files: ReplyFiles): Promise<RepliesToCompare> {
  const [hypotheses, references] = [await readJsonEntries(files.hypotheses), await readJsonEntries(files.references)]
  if (hypotheses.length === 0) throw new InputError(`${files.hypotheses}: holds no replies`)
  sameLength(files.hypotheses, hypotheses, files.references, references)
  const texts = { hypotheses: hypotheses.map(replyText), references: references.map(replyText) }
  if (files.strategies === undefined) return texts
  const strategies = await readJsonEntries(files.strategies)
  sameLength(files.hypotheses, hypotheses, files.strategies, strategies)
  return { ...texts, strategies: strategies.map(strategyPrediction) }
}

function sameLength(
  path: string,
  { length }: readonly unknown[],
  other: string,
  { length: count }: readonly unknown[],
) {
  if (length === count) return
  throw new InputError(`${path} holds ${length} entries and ${other} ${count}: the n-th of each belong together`)
}

function replyText({ value, at }: JsonEntry): string {
  const text = typeof value === 'string' ? value : (value as { text?: unknown } | null)?.text
  if (typeof text !== 'string') {
    throw new InputError(`${at}: expected a reply, as a string or as an object with its text, got ${quote(value)}`)
  }
  if (text.length <= MAX_REPLY_LENGTH) return text
  throw new InputError(`${at}: a reply of ${text.length} characters, more than the limit of ${MAX_REPLY_LENGTH}`)
}

/** A strategy taken, and those predicted, as {@link readRepliesToCompare} reads them. @throws InputError naming the place */
export function strategyPrediction({ value, at }: JsonEntry): StrategyPrediction {
  const { reference, hypothesis } = (value ?? {}) as Record<string, unknown>
  return { reference: strategy(reference, `${at}: reference`), ranking: predicted(hypothesis, `${at}: hypothesis`) }
}

function predicted(hypothesis: unknown, at: string): StrategyName[] {
  if (Array.isArray(hypothesis)) return rankedNames(hypothesis, at)
  const { probs, logits } = (hypothesis ?? {}) as { probs?: unknown; logits?: unknown }
  if (probs !== undefined && logits !== undefined) throw new InputError(`${at}: probs and logits: give one of them`)
  if (probs !== undefined) return ranking(probs, `${at}.probs`)
  return logits === undefined ? [strategy(hypothesis, at)] : rankedByLogits(logits, `${at}.logits`)
}

/** Names in the order in which they stand, each once. */
function rankedNames(names: readonly unknown[], at: string): StrategyName[] {
  if (names.length === 0 || names.length > STRATEGIES.length) {
    throw new InputError(`${at}: expected 1 to ${STRATEGIES.length} strategies, likeliest first, got ${names.length}`)
  }
  const ranked = names.map((name, i) => strategy(name, `${at}[${i}]`))
  const twice = ranked.find((name, i) => ranked.indexOf(name) < i)
  if (twice) throw new InputError(`${at}: ${twice} is there twice`)
  return ranked
}

function rankedByLogits(logits: unknown, at: string): StrategyName[] {
  if (Array.isArray(logits) && logits.length === STRATEGIES.length && logits.every(Number.isFinite)) {
    return rankStrategies((_, i) => logits[i])
  }
  throw new InputError(`${at}: expected ${STRATEGIES.length} numbers, got ${quote(logits)}`)
}

/** A strategy by its name, which brackets may be around. */
function strategy(name: unknown, at: string): StrategyName {
  const found = typeof name === 'string' ? strategyNamed(name.replace(/^\[(.*)\]$/s, '$1')) : undefined
  if (found) return found
  const got = name === undefined ? 'nothing' : quote(name)
  throw new InputError(`${at}: expected a strategy (${STRATEGIES.join(', ')}), got ${got}`)
}

/** All strategies by their probabilities, likeliest first. */
function ranking(probabilities: unknown, at: string): StrategyName[] {
  const given = new Map(Object.entries(probabilities ?? {}).map(([name, value]) => [strategy(name, at), value]))
  return rankStrategies((name) => {
    const value = given.get(name)
    if (typeof value === 'number' && value >= 0 && value <= 1) return value
    const got = value === undefined ? 'nothing' : quote(value)
    throw new InputError(`${at}: expected a probability of ${name}, got ${got}`)
  })
}
