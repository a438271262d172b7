import { BPE, Tokenizer as NativeTokenizer, whitespaceSplitPreTokenizer } from 'tokenizers'
import { lastOf, type NamedToken } from './added-tokens.js'
import { type Codec, decodeAll, encodeParts, unknownId } from './codec.js'
import { WordStream } from './text-stream.js'
import { SPECIALS, type Vocabulary } from './vocabulary.js'
import { bpeWords } from './words.js'

/** Tokens of vocab.json that are found inside words too, and that decoding leaves out. */
const WHOLE = [SPECIALS.pad, SPECIALS.start, SPECIALS.eos, SPECIALS.unk]
const NEWLINE_WORD = /(?<=^| )__newln__(?=$| )/

/**
 * blenderbot_small's tokenizer with MISC's added tokens. Its BPE runs in the package `tokenizers`, which writes a piece
 * the other way round: `x</w>` where it ends a word, `x` (here `x@@`) where it does not.
 */
export class BlenderbotCodec implements Codec {
  readonly baseVocabSize: number
  readonly lastToken: NamedToken
  readonly #tokens: ReadonlyMap<number, string>
  readonly #ids: ReadonlyMap<string, number>
  /** Finds tokens inside words, as Hugging Face's slow tokenizer does: the longest that fits. */
  readonly #whole: RegExp
  /** Tokens that decoding leaves out. */
  readonly #silent: ReadonlySet<string>
  readonly #bpe: NativeTokenizer
  /** Our id of each id that the package gives. */
  readonly #idOfNative: readonly number[]

  constructor(vocabulary: Vocabulary) {
    const { tokens, added } = vocabulary
    this.#tokens = new Map([...tokens.entries(), ...added.map(({ id, token }) => [id, token] as const)])
    this.#ids = new Map(Array.from(this.#tokens, ([id, token]) => [token, id]))
    this.baseVocabSize = tokens.length
    this.lastToken = added.length > 0 ? lastOf(added) : lastOfVocabulary(tokens)
    const whole = [...WHOLE, ...added.map(({ token }) => token)].sort((a, b) => b.length - a.length)
    this.#whole = new RegExp(`(${whole.map((token) => token.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')})`)
    this.#silent = new Set([...WHOLE, '[CLS]', ...added.filter((it) => it.special).map(({ token }) => token)])
    const native = nativeVocabulary(vocabulary, this.#ids.get(SPECIALS.unk)!)
    this.#idOfNative = native.ids
    const options = { unkToken: SPECIALS.unk, endOfWordSuffix: '</w>' }
    this.#bpe = new NativeTokenizer(BPE.init(native.vocabulary, vocabulary.merges, options))
    this.#bpe.setPreTokenizer(whitespaceSplitPreTokenizer())
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token)
  }

  async encode(texts: readonly string[]): Promise<number[][]> {
    const parts = texts.map((text) => this.#parts(text))
    return encodeParts(this.#bpe, parts, (id) => this.#idOfNative[id]!)
  }

  decode(ids: readonly number[]): string {
    return decodeAll(this.stream(), ids)
  }

  stream(withSpecials = false): WordStream {
    return new WordStream((id) => {
      const token = this.#tokens.get(id)
      if (token === undefined) throw unknownId(id, this)
      return this.#silent.has(token) && !withSpecials ? undefined : token
    })
  }

  /** Splits a text into ids that are known at once and runs of words for the BPE. */
  #parts(text: string): (number | string)[] {
    const pieces = text.split(this.#whole)
    return pieces.flatMap((piece, index) => {
      if (index % 2 === 1) return this.idOf(piece)!
      const words = bpeWords(piece, index < pieces.length - 1).join(' ')
      return words === '' ? [] : this.#runs(words)
    })
  }

  /** `__newln__` is a token of its own, whatever the merges would make of it. */
  #runs(words: string): (number | string)[] {
    const newline = this.idOf(SPECIALS.newline)!
    return words.split(NEWLINE_WORD).flatMap((run, index) => (index === 0 ? [run] : [newline, run]))
  }
}

const lastOfVocabulary = (tokens: readonly string[]): NamedToken => ({
  token: tokens.at(-1)!,
  id: tokens.length - 1,
  special: false,
  file: 'vocab.json',
})

/**
 * The vocabulary as the package `tokenizers` wants it, and our id of each of its ids: the merges name pieces that the
 * vocabulary lacks (unknown) or that it writes like others (`x@@</w>` of a text that holds `@@` itself is `x@@`).
 */
function nativeVocabulary({ tokens, merges }: Vocabulary, unk: number) {
  const native = new Map<string, number>()
  const ids = [...tokens.keys()]
  for (const [id, token] of tokens.entries()) native.set(token.endsWith('@@') ? token.slice(0, -2) : `${token}</w>`, id)
  native.set(SPECIALS.unk, unk)
  const written = new Map(tokens.map((token, id) => [token, id]))
  for (const [left, right] of merges) {
    for (const piece of [left, right, left + right]) {
      if (native.has(piece)) continue
      native.set(piece, ids.length)
      ids.push(written.get(piece.endsWith('</w>') ? piece.slice(0, -4) : `${piece}@@`) ?? unk)
    }
  }
  return { vocabulary: Object.fromEntries(native), ids }
}
