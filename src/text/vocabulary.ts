import { InputError } from '../errors.js'
import { statIfThere } from '../io/model-folder.js'
import { fileIn } from '../io/path-of.js'
import { readJsonFile, readTextFile } from '../io/text-file.js'
import { quote } from '../quote.js'
import { agreedTokens, type NamedToken, readAddedTokens, tokenizerJsonTokens } from './added-tokens.js'
import { ADDED_TOKENS, canonicalToken } from './strategies.js'

const MAX_FILE_BYTES = 64 * 2 ** 20
const MAX_ENTRIES = 1_000_000
const ADVICE = 'a tokenizer folder holds the unchanged vocab.json and merges.txt of its model, or a tokenizer.json'

/** The tokens that every vocabulary of MISC must hold: padding, start, EOS, unknown and newline. */
export const SPECIALS = { pad: '__null__', start: '__start__', eos: '__end__', unk: '__unk__', newline: '__newln__' }

/** What a blenderbot_small folder says. */
export interface Vocabulary {
  /** vocab.json's tokens by id; `piece@@` does not end a word. */
  readonly tokens: readonly string[]
  /** First rank first. */
  readonly merges: [string, string][]
  /** MISC's tokens and whatever else the files name as added: found whole, inside words too. */
  readonly added: readonly NamedToken[]
}

/** Whether a folder's vocab.json is blenderbot_small's, and not, say, the one beside a BART's tokenizer.json. */
export const isBlenderbotSmall = (folder: string): Promise<boolean> => holdsNewline(fileIn(folder, 'vocab.json'))

/**
 * Reads and checks vocab.json and merges.txt of a blenderbot_small folder, and the tokens added to them. MISC's have the ids
 * that added_tokens.json, tokenizer_config.json or tokenizer.json give them, else those from N on, in their usual order.
 *
 * @throws InputError where a file is wrong, or two contradict each other
 */
export async function readVocabulary(folder: string): Promise<Vocabulary> {
  const vocab = fileIn(folder, 'vocab.json')
  const merges = fileIn(folder, 'merges.txt')
  const json = fileIn(folder, 'tokenizer.json')
  const tokens = checkedTokens(await readJsonFile(vocab, MAX_FILE_BYTES, ADVICE), vocab)
  const named = await readAddedTokens(folder)
  // One of another model's says nothing of these tokens.
  if (await holdsNewline(json)) named.push(...tokenizerJsonTokens(await readJsonFile(json, MAX_FILE_BYTES), folder))
  return {
    tokens,
    merges: checkedMerges(await readTextFile(merges, MAX_FILE_BYTES, ADVICE), merges),
    added: addedTokens(tokens, named, folder),
  }
}

async function holdsNewline(path: string): Promise<boolean> {
  if (!(await statIfThere(path))) return false
  return (await readTextFile(path, MAX_FILE_BYTES, ADVICE)).includes(`"${SPECIALS.newline}"`)
}

/** What files name as added, and in its usual place whatever of MISC's tokens none of them names. */
function addedTokens(tokens: readonly string[], named: readonly NamedToken[], folder: string): NamedToken[] {
  const known = new Set(named.map(({ token }) => canonicalToken(token)))
  const claim = (file: string, first: number) => (token: string, index: number) => ({
    ...{ token, id: first + index, special: false, file },
  })
  const inVocabulary = tokens.map(claim('vocab.json', 0))
  const usual = ADDED_TOKENS.map(claim('the usual order (no file names it)', tokens.length))
  const all = [...inVocabulary, ...named, ...usual.filter(({ token }) => !known.has(token))]
  return agreedTokens(all, folder).slice(tokens.length)
}

function checkedTokens(json: unknown, path: string): string[] {
  const fail = (what: string): never => {
    throw new InputError(`${path}: ${what}; ${ADVICE}`)
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return fail('not an object of token: id')
  const entries = Object.entries(json)
  if (entries.length > MAX_ENTRIES) fail(`${entries.length} entries, more than the limit of ${MAX_ENTRIES}`)
  const tokens = new Array<string>(entries.length)
  for (const [token, id] of entries) {
    if (!Number.isInteger(id) || id < 0 || id >= entries.length) {
      fail(`token ${quote(token)} has id ${quote(id)}, expected an integer from 0 to ${entries.length - 1}`)
    }
    if (tokens[id] !== undefined) fail(`tokens ${quote(tokens[id])} and ${quote(token)} share id ${id}`)
    if (ADDED_TOKENS.includes(canonicalToken(token))) fail(`holds the token ${token}, which is added after its last id`)
    if (token.includes('</w>')) fail(`token ${quote(token)} holds </w>, which only merges.txt may`)
    tokens[id] = token
  }
  for (const special of Object.values(SPECIALS)) if (!Object.hasOwn(json, special)) fail(`lacks the token ${special}`)
  return tokens
}

function checkedMerges(text: string, path: string): [string, string][] {
  const merges: [string, string][] = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === '' || (index === 0 && line.startsWith('#version'))) continue
    const [left, right, ...more] = line.split(' ')
    if (!left || !right || more.length > 0) {
      throw new InputError(
        `${path} line ${index + 1}: expected two pieces and one space, got ${quote(line)}; ${ADVICE}`,
      )
    }
    merges.push([left, right])
  }
  if (merges.length > MAX_ENTRIES) {
    throw new InputError(`${path}: ${merges.length} merges, more than the limit of ${MAX_ENTRIES}; ${ADVICE}`)
  }
  return merges
}
