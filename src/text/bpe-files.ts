import { InputError } from '../errors.js'
import { statIfThere } from '../io/model-folder.js'
import { readJsonFile, readTextFile } from '../io/text-file.js'
import { quote } from '../quote.js'

const MAX_FILE_BYTES = 64 * 2 ** 20
const MAX_ENTRIES = 1_000_000
const ADVICE = 'a tokenizer folder holds the unchanged vocab.json and merges.txt of its model, or a tokenizer.json'

/** What a BPE's two files say. */
export interface BpeFiles {
  /** The vocabulary's tokens by id. */
  readonly tokens: readonly string[]
  /** First rank first. */
  readonly merges: [string, string][]
}

/** The text of a vocabulary file or a tokenizer.json; '' where there is none. */
export const textIfThere = async (path: string): Promise<string> =>
  (await statIfThere(path)) ? readTextFile(path, MAX_FILE_BYTES, ADVICE) : ''

/** The error for what is wrong with a vocabulary or its merges. */
export const wrongFile = (path: string, what: string, advice = ADVICE): InputError =>
  new InputError(`${path}: ${what}; ${advice}`)

/** The error for a vocabulary and merges that the package `tokenizers` does not take together. */
export const misfit = (folder: string, error: unknown): InputError => {
  const reason = (error as Error).message.replace(/\s+/g, ' ').slice(0, 300)
  return new InputError(
    `${folder}: its vocabulary and merges do not fit together (${reason}); take both from one model`,
  )
}

/**
 * The package `tokenizers` ends the whole process where a merge makes a longer token than any that there is.
 *
 * @throws Error where a merge makes a token that the vocabulary lacks
 */
export function checkMerges({ tokens, merges }: BpeFiles): void {
  const known = new Set(tokens)
  const wrong = merges.find(([left, right]) => !known.has(left + right))
  if (wrong) throw new Error(`token ${quote(wrong.join(''))} out of vocabulary`)
}

/**
 * The tokens of a vocabulary file, by id: an object of token: id that leaves out no id.
 *
 * @param advice what to do about a file that is not that
 * @throws InputError where the file is missing, or is not that
 */
export async function readTokens(path: string, advice = ADVICE): Promise<string[]> {
  const wrong = (what: string) => wrongFile(path, what, advice)
  const json = await readJsonFile(path, MAX_FILE_BYTES, advice)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw wrong('not an object of token: id')
  }
  const entries = Object.entries(json)
  if (entries.length > MAX_ENTRIES) {
    throw wrong(`${entries.length} entries, more than the limit of ${MAX_ENTRIES}`)
  }
  if (entries.length === 0) throw wrong('holds no token')
  const tokens = new Array<string>(entries.length)
  for (const [token, id] of entries) {
    if (!Number.isInteger(id) || id < 0 || id >= entries.length) {
      const expected = `expected an integer from 0 to ${entries.length - 1}`
      throw wrong(`token ${quote(token)} has id ${quote(id)}, ${expected}`)
    }
    if (tokens[id] !== undefined) throw wrong(`tokens ${quote(tokens[id])} and ${quote(token)} share id ${id}`)
    tokens[id] = token
  }
  return tokens
}

/**
 * The merges of a file, two pieces a line, its `#version` left out.
 *
 * @throws InputError that names the line
 */
export async function readMerges(path: string): Promise<[string, string][]> {
  const merges: [string, string][] = []
  const text = await readTextFile(path, MAX_FILE_BYTES, ADVICE)
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === '' || (index === 0 && line.startsWith('#version'))) continue
    const [left, right, ...more] = line.split(' ')
    if (!left || !right || more.length > 0) {
      throw wrongFile(`${path} line ${index + 1}`, `expected two pieces and one space, got ${quote(line)}`)
    }
    merges.push([left, right])
  }
  if (merges.length > MAX_ENTRIES) {
    throw wrongFile(path, `${merges.length} merges, more than the limit of ${MAX_ENTRIES}`)
  }
  return merges
}
