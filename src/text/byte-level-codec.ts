import { type Decoder, Tokenizer as NativeTokenizer } from 'tokenizers'
import { InputError } from '../errors.js'
import { statIfThere } from '../io/model-folder.js'
import { fileIn } from '../io/path-of.js'
import { readJsonFile } from '../io/text-file.js'
import { quote } from '../quote.js'
import { addedTokens, lastOf, type NamedToken, readAddedTokens } from './added-tokens.js'
import { type BpeFiles, checkMerges, misfit, readMerges, readTokens } from './bpe-files.js'
import { type Codec, decodeAll, encodeParts, unknownId } from './codec.js'
import type { TextStream } from './text-stream.js'
import { stripLeft, stripRight } from './words.js'

/** Tokens of the vocabulary that are found whole in a text, and that decoding leaves out. */
const SPECIALS = ['<s>', '<pad>', '</s>', '<unk>', '<mask>']

/** How a byte-level vocabulary writes a word that follows a space, as the text of vocab.json may hold it. */
const SPACED = /"(?:Ġ|\\u0120)|"<s>"/

/** Whether the text of a vocab.json is that of a byte-level BPE. */
export const isByteLevel = (text: string): boolean => SPACED.test(text)

/** What a folder says of a byte-level BPE. */
interface ByteLevelFiles extends BpeFiles {
  /** All that files name as added, whether the vocabulary holds it or not. */
  readonly named: readonly NamedToken[]
  /** Those of them that the vocabulary does not hold. */
  readonly added: readonly NamedToken[]
  /** Whether a text that begins with a word is read as if a space stood before it (tokenizer_config.json). */
  readonly prefixSpace: boolean
}

/** A token that is found whole, and whether the white space before and after it goes. */
interface WholeToken {
  readonly token: string
  readonly id: number
  readonly lstrip: boolean
  readonly rstrip: boolean
}

/**
 * The byte-level BPE of GPT-2, RoBERTa and BART from vocab.json and merges.txt, as transformers' slow tokenizers of versions
 * 3.0 to 4.2 have it, with which COMET-BART was trained: `<s> … </s>` stand around a text where the vocabulary has them.
 *
 * Added tokens and specials are found anywhere in a text, inside words too, one token after the other in the order of their
 * characters: `NotIsA` inside a text is `Not` and `IsA`. White space around an added token goes, so `eats xReact` is as good as
 * `eatsxReact`; around a special it stays, but before `<mask>`. Where tokenizer_config.json (`lstrip`, `rstrip`) says otherwise
 * of a token, that holds. Later versions of transformers keep the space before an added token of added_tokens.json, and find
 * the longest first.
 */
export class ByteLevelCodec implements Codec {
  readonly baseVocabSize: number
  readonly lastToken: NamedToken
  readonly #tokens: ReadonlyMap<number, string>
  readonly #ids: ReadonlyMap<string, number>
  /** The tokens that are found whole, in the order in which they are looked for. */
  readonly #whole: ReadonlyMap<string, WholeToken>
  /** Ids that decoding leaves out. */
  readonly #silent: ReadonlySet<number>
  readonly #around: readonly [number[], number[]]
  readonly #prefixSpace: boolean
  readonly #native: NativeTokenizer

  /** Reads a folder. Throws an {@link InputError} that names the file, or the two that contradict each other. */
  static async load(folder: string): Promise<ByteLevelCodec> {
    const tokens = await readTokens(fileIn(folder, 'vocab.json'))
    const merges = await readMerges(fileIn(folder, 'merges.txt'))
    const named = await readAddedTokens(folder)
    const added = addedTokens(tokens, named, [], folder)
    return new ByteLevelCodec({ tokens, merges, named, added, prefixSpace: await readPrefixSpace(folder) }, folder)
  }

  private constructor({ tokens, merges, named, added, prefixSpace }: ByteLevelFiles, folder: string) {
    this.#tokens = new Map([...tokens.entries(), ...added.map(({ id, token }) => [id, token] as const)])
    this.#ids = new Map(Array.from(this.#tokens, ([id, token]) => [token, id]))
    this.baseVocabSize = tokens.length
    const id = tokens.length - 1
    this.lastToken = lastOf([{ token: tokens[id]!, id, special: false, file: 'vocab.json' }, ...added])
    const specials = SPECIALS.filter((token) => this.#ids.has(token))
    const whole = wholeTokens(specials, named)
    this.#whole = new Map(whole.map((it) => [it.token, { ...it, id: this.#ids.get(it.token)! }]))
    const silent = [...specials, ...named.filter((it) => it.special).map(({ token }) => token)]
    this.#silent = new Set(silent.map((token) => this.#ids.get(token)!))
    const [start, end] = ['<s>', '</s>'].map((token) => this.#ids.get(token))
    this.#around = start === undefined || end === undefined ? [[], []] : [[start], [end]]
    this.#prefixSpace = prefixSpace
    this.#native = nativeTokenizer({ tokens, merges }, this.#ids.has('<unk>'), folder)
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token)
  }

  async encode(texts: readonly string[]): Promise<number[][]> {
    const [start, end] = this.#around
    const parts = texts.map((text) => [...start, ...this.#parts(text), ...end])
    return encodeParts(this.#native, parts)
  }

  decode(ids: readonly number[]): string {
    return decodeAll(this.stream(), ids)
  }

  stream(): ByteLevelStream {
    const tokenOf = (id: number) => {
      const token = this.#tokens.get(id)
      if (token === undefined) throw unknownId(id, this)
      return this.#silent.has(id) ? undefined : { token, added: id >= this.baseVocabSize }
    }
    return new ByteLevelStream(tokenOf, this.#native.getDecoder()!)
  }

  /** Splits a text into the ids of whole tokens and runs for the BPE. */
  #parts(text: string): (number | string)[] {
    const words = stripLeft(text)
    if (words === '') return []
    const all = this.#prefixSpace && words === text ? ` ${text}` : text
    let parts: (number | string)[] = [all]
    for (const whole of this.#whole.values()) {
      // Most are in no text, and there may be thousands.
      if (all.includes(whole.token)) parts = parts.flatMap((part) => this.#split(part, whole))
    }
    return parts
  }

  #split(part: number | string, { token, id, lstrip, rstrip }: WholeToken): (number | string)[] {
    if (typeof part === 'number') return [part]
    // A part that is a token by itself is not looked into.
    const itself = this.#whole.get(part)
    if (itself) return [itself.id]
    const texts = part.split(token)
    return texts.flatMap((text, index) => {
      let run = text
      if (lstrip && index < texts.length - 1) run = stripRight(run)
      if (rstrip && index > 0) run = stripLeft(run)
      return [...(index > 0 ? [id] : []), ...(run === '' ? [] : [run])]
    })
  }
}

/** Text word by word, as `Ġ` starts one. An added token stands apart from what comes before and after it. */
class ByteLevelStream implements TextStream {
  readonly #tokenOf: (id: number) => { token: string; added: boolean } | undefined
  readonly #decoder: Decoder
  #pieces: string[] = []
  /** Between what has been returned and what comes next. */
  #separator = ''
  #started = false

  /** `tokenOf` gives an id's token, undefined for ids without text. */
  constructor(tokenOf: (id: number) => { token: string; added: boolean } | undefined, decoder: Decoder) {
    this.#tokenOf = tokenOf
    this.#decoder = decoder
  }

  push(id: number): string {
    const found = this.#tokenOf(id)
    if (found === undefined) return ''
    const { token, added } = found
    if (!added) {
      const text = token.startsWith('Ġ') ? this.end() : ''
      this.#pieces.push(token)
      this.#started = true
      return text
    }
    const text = this.end() + (this.#started ? ' ' : '') + token
    this.#separator = ' '
    this.#started = true
    return text
  }

  end(): string {
    if (this.#pieces.length === 0) return ''
    const text = this.#separator + this.#decoder.decode(this.#pieces)
    this.#pieces = []
    this.#separator = ''
    return text
  }
}

/** The tokens that are found whole, in the order in which they are looked for. What a file says goes before what is usual. */
function wholeTokens(specials: readonly string[], named: readonly NamedToken[]): Omit<WholeToken, 'id'>[] {
  const said = new Map(named.toReversed().map((it) => [it.token, it]))
  const usual = (token: string) =>
    specials.includes(token) ? { lstrip: token === '<mask>', rstrip: false } : { lstrip: true, rstrip: true }
  const whole = [...new Set([...specials, ...said.keys()])].sort()
  return whole.map((token) => {
    const { lstrip, rstrip } = usual(token)
    return { token, lstrip: said.get(token)?.lstrip ?? lstrip, rstrip: said.get(token)?.rstrip ?? rstrip }
  })
}

/** The BPE and its decoder in the package `tokenizers`, which makes a byte-level decoder from a tokenizer.json alone. */
function nativeTokenizer({ tokens, merges }: BpeFiles, knowsUnknown: boolean, folder: string): NativeTokenizer {
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]))
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
  const json = {
    version: '1.0',
    added_tokens: [],
    pre_tokenizer: byteLevel,
    decoder: byteLevel,
    model: { type: 'BPE', vocab, merges, unk_token: knowsUnknown ? '<unk>' : null },
  }
  try {
    checkMerges({ tokens, merges })
    return NativeTokenizer.fromString(JSON.stringify(json))
  } catch (error) {
    throw misfit(folder, error)
  }
}

/** Whether tokenizer_config.json asks for a space before a text's first word. */
async function readPrefixSpace(folder: string): Promise<boolean> {
  const path = fileIn(folder, 'tokenizer_config.json')
  if (!(await statIfThere(path))) return false
  const { add_prefix_space: asked = false } = ((await readJsonFile(path)) ?? {}) as Record<string, unknown>
  if (typeof asked === 'boolean') return asked
  throw new InputError(`${path}: add_prefix_space must be true or false, got ${quote(asked)}`)
}
