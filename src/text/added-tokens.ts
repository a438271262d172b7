import { InputError } from '../errors.js'
import { readJsonIfThere } from '../io/model-folder.js'
import { fileIn } from '../io/path-of.js'
import { quote } from '../quote.js'
import { canonicalToken } from './strategies.js'

const ADDED_TOKENS_FILE = 'added_tokens.json'
const CONFIG_FILE = 'tokenizer_config.json'
const MOST_TOKENS = 10_000
const LONGEST_TOKEN = 1_000
/** Of all tokens of a file: a text is searched for every one of them. */
const MOST_CHARACTERS = 2 ** 18
/** No vocabulary of a model goes beyond. */
const HIGHEST_ID = 2 ** 24 - 1
const ADVICE = 'take all files from one checkpoint'

/** What a file says of a token. */
export interface NamedToken {
  readonly token: string
  readonly id: number
  /** Whether decoding leaves it out. */
  readonly special: boolean
  /** Whether encoding drops the white space before it; undefined where the file does not say. */
  readonly lstrip?: boolean | undefined
  /** The same for what comes after it. */
  readonly rstrip?: boolean | undefined
  /** The file that says so. */
  readonly file: string
}

/** The tokens that a folder's added_tokens.json and tokenizer_config.json name, as far as they are there. */
export async function readAddedTokens(folder: string): Promise<NamedToken[]> {
  const read = async (file: string) => {
    const path = fileIn(folder, file)
    return record(await readJsonIfThere(path, {}), path)
  }
  const { added_tokens_decoder: decoder = {} } = await read(CONFIG_FILE)
  const ofConfig = Object.entries(record(decoder, fileIn(folder, CONFIG_FILE), 'added_tokens_decoder'))
  // The one that says which are special comes first.
  return [
    ...tokens(ofConfig, folder, CONFIG_FILE, ([id, value]) => {
      const { content, ...flags } = (value ?? {}) as Record<string, unknown>
      return { ...flags, token: content, id: /^\d+$/.test(id) ? Number(id) : id }
    }),
    ...tokens(Object.entries(await read(ADDED_TOKENS_FILE)), folder, ADDED_TOKENS_FILE, ([token, id]) => ({
      token,
      id,
    })),
  ]
}

/** The tokens that a parsed tokenizer.json adds to its model's. */
export function tokenizerJsonTokens(json: unknown, folder: string): NamedToken[] {
  const { added_tokens: added } = (json ?? {}) as Record<string, unknown>
  return tokens(Array.isArray(added) ? added : [], folder, 'tokenizer.json', (value) => {
    const { content, ...flags } = (value ?? {}) as Record<string, unknown>
    return { ...flags, token: content, id: flags.id }
  })
}

/**
 * One table of what files say of tokens: each token once, as the first to name it writes it.
 *
 * @throws InputError that names both files where they give a token two ids, or an id two tokens
 */
export function agreedTokens(named: Iterable<NamedToken>, folder: string): NamedToken[] {
  const byToken = new Map<string, NamedToken>()
  const byId = new Map<number, NamedToken>()
  for (const one of named) {
    const name = canonicalToken(one.token)
    const before = byToken.get(name) ?? byId.get(one.id)
    if (before === undefined) {
      byToken.set(name, one)
      byId.set(one.id, one)
    } else if (before.id !== one.id || canonicalToken(before.token) !== name) {
      throw new InputError(`${folder}: ${says(before)}, but ${says(one)}; ${ADVICE}`)
    }
  }
  return [...byToken.values()]
}

/**
 * The tokens that are added to a vocabulary: what files name, and in its usual place (from the vocabulary's last id on)
 * whatever of `usual` neither they nor the vocabulary hold.
 *
 * @param tokens the vocabulary's, by id
 * @throws InputError as {@link agreedTokens}
 */
export function addedTokens(
  tokens: readonly string[],
  named: readonly NamedToken[],
  usual: readonly string[],
  folder: string,
): NamedToken[] {
  const known = new Set([...tokens, ...named.map(({ token }) => canonicalToken(token))])
  const claim = (file: string, first: number) => (token: string, index: number) => ({
    ...{ token, id: first + index, special: false, file },
  })
  const inVocabulary = tokens.map(claim('vocab.json', 0))
  const inPlace = usual.map(claim('the usual order (no file names it)', tokens.length))
  const all = [...inVocabulary, ...named, ...inPlace.filter(({ token }) => !known.has(token))]
  return agreedTokens(all, folder).slice(tokens.length)
}

/** The token with the highest id. */
export const lastOf = (tokens: readonly NamedToken[]): NamedToken =>
  tokens.reduce((last, token) => (token.id > last.id ? token : last))

/** What a file or a rule says of a token, in words. */
export const says = ({ file, token, id }: NamedToken): string => `${file} gives ${quote(token)} id ${id}`

function tokens<T>(
  entries: readonly T[],
  folder: string,
  file: string,
  read: (entry: T) => { token: unknown; id: unknown; special?: unknown; lstrip?: unknown; rstrip?: unknown },
): NamedToken[] {
  const path = fileIn(folder, file)
  if (entries.length > MOST_TOKENS) {
    throw new InputError(`${path}: ${entries.length} added tokens, more than the limit of ${MOST_TOKENS}; ${ADVICE}`)
  }
  let characters = 0
  return entries.map((entry) => {
    const { token, id, special, lstrip, rstrip } = read(entry)
    if (typeof token !== 'string' || token === '' || token.length > LONGEST_TOKEN) {
      throw new InputError(`${path}: expected a token with an id, got ${quote(entry)}; ${ADVICE}`)
    }
    characters += token.length
    if (characters > MOST_CHARACTERS) {
      throw new InputError(`${path}: its added tokens have over ${MOST_CHARACTERS} characters in all; ${ADVICE}`)
    }
    if (!Number.isInteger(id) || (id as number) < 0 || (id as number) > HIGHEST_ID) {
      throw new InputError(`${path}: token ${quote(token)} has id ${quote(id)}, expected an integer from 0; ${ADVICE}`)
    }
    return {
      ...{ token, id: id as number, special: special === true, file },
      ...(typeof lstrip === 'boolean' && { lstrip }),
      ...(typeof rstrip === 'boolean' && { rstrip }),
    }
  })
}

function record(value: unknown, path: string, key?: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new InputError(`${path}: ${key ? `${key} is` : 'holds'} no JSON object; ${ADVICE}`)
}
