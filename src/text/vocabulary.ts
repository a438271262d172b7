import { join } from 'node:path'
import { InputError } from '../errors.js'
import { statIfThere } from '../io/model-folder.js'
import { readJsonFile, readTextFile } from '../io/text-file.js'
import { quote } from '../quote.js'
import { ADDED_TOKENS } from './strategies.js'

const MAX_FILE_BYTES = 64 * 2 ** 20
const MAX_ENTRIES = 1_000_000
const ADVICE = 'a tokenizer folder holds the unchanged vocab.json and merges.txt of its model, or a tokenizer.json'

/** The tokens that every vocabulary of MISC must hold: padding, start, EOS, unknown and newline. */
export const SPECIALS = { pad: '__null__', start: '__start__', eos: '__end__', unk: '__unk__', newline: '__newln__' }

/** What vocab.json and merges.txt say: tokens by id (`piece@@` does not end a word) and merges, first rank first. */
export interface Vocabulary {
  readonly tokens: readonly string[]
  readonly merges: [string, string][]
}

/** Whether a folder's vocab.json is blenderbot_small's, and not, say, the one beside a BART's tokenizer.json. */
export async function isBlenderbotSmall(folder: string): Promise<boolean> {
  const path = join(folder, 'vocab.json')
  if (!(await statIfThere(path))) return false
  return (await readTextFile(path, MAX_FILE_BYTES, ADVICE)).includes(`"${SPECIALS.newline}"`)
}

/** Reads and checks vocab.json and merges.txt of a blenderbot_small folder. Throws {@link InputError}. */
export async function readVocabulary(folder: string): Promise<Vocabulary> {
  const vocab = join(folder, 'vocab.json')
  const merges = join(folder, 'merges.txt')
  return {
    tokens: checkedTokens(await readJsonFile(vocab, MAX_FILE_BYTES, ADVICE), vocab),
    merges: checkedMerges(await readTextFile(merges, MAX_FILE_BYTES, ADVICE), merges),
  }
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
    if (ADDED_TOKENS.includes(token)) fail(`holds the token ${token}, which is added after its last id`)
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
