import { BPE, Tokenizer as NativeTokenizer, whitespaceSplitPreTokenizer } from 'tokenizers'
import { statIfThere } from '../io/model-folder.js'
import { fileIn } from '../io/path-of.js'
import { readJsonFile } from '../io/text-file.js'
import { addedTokens, lastOf, type NamedToken, readAddedTokens, tokenizerJsonTokens } from './added-tokens.js'
import { type BpeFiles, checkMerges, misfit, readMerges, readTokens, wrongFile } from './bpe-files.js'
import { type Codec, decodeAll, encodeParts, unknownId } from './codec.js'
import { gptWords } from './gpt-words.js'
import type { TextStream } from './text-stream.js'
import { splitSpace } from './words.js'

const UNKNOWN = '<unk>'
const BLANK = '<blank>'
/** How ATOMIC writes something left open, as in `PersonX eats ___`. */
const WRITTEN_BLANK = '___'
const START = '<START>'
const END = '<END>'
const NEWLINE = '\n</w>'

/** What COMET-2019 adds to OpenAI GPT's vocabulary, in the order of its ids from N on. */
export const COMET_2019_TOKENS: readonly string[] = [
  ...[START, END],
  ...['oEffect', 'oReact', 'oWant', 'xAttr', 'xEffect', 'xIntent', 'xNeed', 'xReact', 'xWant'].map((it) => `<${it}>`),
  BLANK,
]

/** The names of the two files: of finetune-transformer-lm, and of `openai-gpt` on the hub. */
const FILES = [
  ['encoder_bpe_40000.json', 'vocab_40000.bpe'],
  ['vocab.json', 'merges.txt'],
] as const

/** Whether the text of a vocab.json is of OpenAI GPT's kind: `</w>` ends its words. */
export const isGptLike = (text: string): boolean => text.includes('</w>"')

/** Whether it is OpenAI GPT's itself: alone of its kind it has a line break among its words. */
export const isGpt = (text: string): boolean => text.includes('"\\n</w>"')

/** Whether a folder holds OpenAI GPT's files under its authors' names. */
export const holdsGptFiles = async (folder: string): Promise<boolean> =>
  (await statIfThere(fileIn(folder, FILES[0][0]))) !== undefined

/**
 * OpenAI GPT's tokenizer with COMET-2019's tokens: lower-cased words ({@link gptWords}), a BPE that ends them with `</w>`.
 * A text holds none of the added tokens but `<blank>`, written `___`: where the released program's `handle_underscores` puts
 * one. Encoding puts nothing around a text.
 */
export class GptCodec implements Codec {
  readonly baseVocabSize: number
  readonly lastToken: NamedToken
  readonly #tokens: ReadonlyMap<number, string>
  readonly #ids: ReadonlyMap<string, number>
  readonly #native: NativeTokenizer

  /** Reads a folder. Throws an {@link InputError} that names the file, or the two that contradict each other. */
  static async load(folder: string): Promise<GptCodec> {
    const [vocab, merges] = (await holdsGptFiles(folder)) ? FILES[0] : FILES[1]
    const path = fileIn(folder, vocab)
    const tokens = await readTokens(path)
    if (!tokens.includes(UNKNOWN)) throw wrongFile(path, `lacks the token ${UNKNOWN}`)
    const files = { tokens, merges: await readMerges(fileIn(folder, merges)) }
    const named = await readAddedTokens(folder)
    const json = fileIn(folder, 'tokenizer.json')
    if (await statIfThere(json)) named.push(...tokenizerJsonTokens(await readJsonFile(json), folder))
    const added = addedTokens(tokens, named, COMET_2019_TOKENS, folder)
    return new GptCodec(files, added, folder)
  }

  private constructor({ tokens, merges }: BpeFiles, added: readonly NamedToken[], folder: string) {
    this.#tokens = new Map([...tokens.entries(), ...added.map(({ id, token }) => [id, token] as const)])
    this.#ids = new Map(Array.from(this.#tokens, ([id, token]) => [token, id]))
    // A vocabulary that was saved with COMET's tokens holds them itself.
    const first = tokens.findIndex((token) => COMET_2019_TOKENS.includes(token))
    this.baseVocabSize = first < 0 ? tokens.length : first
    const id = tokens.length - 1
    this.lastToken = lastOf([{ token: tokens[id]!, id, special: false, file: 'vocab.json' }, ...added])
    const options = { unkToken: UNKNOWN, endOfWordSuffix: '</w>' }
    const vocabulary = Object.fromEntries(tokens.map((token, id) => [token, id]))
    try {
      checkMerges({ tokens, merges })
      this.#native = new NativeTokenizer(BPE.init(vocabulary, merges, options))
    } catch (error) {
      throw misfit(folder, error)
    }
    this.#native.setPreTokenizer(whitespaceSplitPreTokenizer())
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token)
  }

  async encode(texts: readonly string[]): Promise<number[][]> {
    const parts = texts.map((text) => this.#parts(text))
    return encodeParts(this.#native, parts)
  }

  decode(ids: readonly number[]): string {
    return decodeAll(this.stream(), ids)
  }

  /** Words with a space between them, as the released program prints a tail; `<blank>` is `___`. */
  stream(): TextStream {
    let held = ''
    let separator = ''
    const words = (text: string) => {
      const found = splitSpace(text)
      const joined = found.length > 0 ? separator + found.join(' ') : ''
      if (found.length > 0) separator = ' '
      return joined
    }
    return {
      push: (id) => {
        held += this.#textOf(id)
        const end = held.lastIndexOf(' ') + 1
        const whole = held.slice(0, end)
        held = held.slice(end)
        return words(whole)
      },
      end: () => {
        const rest = held
        held = ''
        return words(rest)
      },
    }
  }

  #textOf(id: number): string {
    const token = this.#tokens.get(id)
    if (token === undefined) throw unknownId(id, this)
    if (token === UNKNOWN || token === START || token === END) return ''
    if (token === BLANK) return ` ${WRITTEN_BLANK} `
    return id < this.baseVocabSize ? token.replaceAll('</w>', ' ').replaceAll('\n', '') : ` ${token} `
  }

  /** Splits a text into ids that are known at once and runs of words for the BPE. */
  #parts(text: string): (number | string)[] {
    if (!text.includes(WRITTEN_BLANK)) return this.#runs(text)
    const blank = this.#ids.get(BLANK)!
    const texts = text.split(WRITTEN_BLANK).map((part) => part.trim())
    return texts.flatMap((part, index) => {
      if (part === '') return [blank]
      return [...this.#runs(part), ...(texts[index + 1] ? [blank] : [])]
    })
  }

  #runs(text: string): (number | string)[] {
    const newline = this.#ids.get(NEWLINE) ?? this.#ids.get(UNKNOWN)!
    const parts: (number | string)[] = []
    let run: string[] = []
    const flush = () => {
      if (run.length > 0) parts.push(run.join(' '))
      run = []
    }
    for (const word of gptWords(text)) {
      if (word !== '\n') run.push(word)
      else {
        flush()
        parts.push(newline)
      }
    }
    flush()
    return parts
  }
}
