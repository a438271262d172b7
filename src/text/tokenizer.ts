import { InputError } from '../errors.js'
import { modelFolder, statIfThere } from '../io/model-folder.js'
import { fileIn } from '../io/path-of.js'
import type { NamedToken } from './added-tokens.js'
import { BlenderbotCodec } from './blenderbot-codec.js'
import type { Codec } from './codec.js'
import { JsonCodec } from './json-codec.js'
import { bracketed, RELATIONS, type RelationName, STRATEGIES, strategyTokens } from './strategies.js'
import type { TextStream } from './text-stream.js'
import { isBlenderbotSmall, readVocabulary } from './vocabulary.js'

/** The most characters (UTF-16 units) that one text may have. */
export const MAX_TEXT_LENGTH = 1_000_000

/** Text to ids and back. Two kinds: MISC's own (vocab.json and merges.txt) and any Hugging Face `tokenizer.json`. */
export class Tokenizer {
  readonly #codec: Codec
  readonly #folder: string

  private constructor(codec: Codec, folder: string) {
    this.#codec = codec
    this.#folder = folder
  }

  /**
   * Reads the vocab.json and merges.txt of a model folder, found by {@link modelFolder} (blenderbot_small's, with MISC's 18
   * tokens added) or, where they are another model's, its tokenizer.json. The ids of added tokens are those that
   * added_tokens.json, tokenizer_config.json or tokenizer.json give them. Throws an {@link InputError} that names the file,
   * or the two that contradict each other.
   */
  static async load(path: string): Promise<Tokenizer> {
    const folder = await modelFolder(path)
    const json = fileIn(folder, 'tokenizer.json')
    if ((await statIfThere(json)) && !(await isBlenderbotSmall(folder))) {
      return new Tokenizer(await JsonCodec.load(folder), folder)
    }
    const vocabulary = await readVocabulary(folder)
    try {
      return new Tokenizer(new BlenderbotCodec(vocabulary), folder)
    } catch (error) {
      throw new InputError(`${folder}: vocab.json and merges.txt do not fit together (${(error as Error).message})`)
    }
  }

  /**
   * The ids of a text, none for ''. A `tokenizer.json` adds the specials that its post-processor names (`<s> … </s>`
   * for BART). Lone surrogates count as U+FFFD. Throws an {@link InputError} over {@link MAX_TEXT_LENGTH} characters.
   */
  async encode(text: string): Promise<number[]> {
    return (await this.encodeBatch([text]))[0]!
  }

  /** The ids of each text, as {@link encode} gives them, in one go. */
  async encodeBatch(texts: readonly string[]): Promise<number[][]> {
    for (const { length } of texts) {
      if (length > MAX_TEXT_LENGTH) {
        throw new InputError(`a text of ${length} characters is too long to encode: split it below ${MAX_TEXT_LENGTH}`)
      }
    }
    const ids = (await this.#codec.encode(texts.filter((text) => text !== ''))).values()
    return texts.map((text) => (text === '' ? [] : ids.next().value!))
  }

  /**
   * The text of ids: padding, start, EOS, unknown and [CLS] left out (a `tokenizer.json`: its special tokens), spacing
   * before punctuation and in contractions undone. Throws an {@link InputError} on an id that no token has.
   */
  decode(ids: readonly number[]): string {
    return this.#codec.decode(ids)
  }

  /** A decoder for ids that come one by one; its pieces joined are exactly {@link decode} of all the ids. */
  stream(): TextStream {
    return this.#codec.stream()
  }

  /** N, the number of ids before MISC's added tokens (a `tokenizer.json`: before its added tokens). */
  get baseVocabSize(): number {
    return this.#codec.baseVocabSize
  }

  /** One more than the highest id, added tokens included: the rows that an embedding needs. */
  get vocabSize(): number {
    return this.lastToken.id + 1
  }

  /** The token with the highest id. */
  get lastToken(): NamedToken {
    return this.#codec.lastToken
  }

  /** Padding, which no text holds. */
  get padId(): number {
    return this.#firstOf('__null__', '<pad>')
  }

  /** The end of an utterance and of a reply. */
  get eosId(): number {
    return this.#firstOf('__end__', '</s>')
  }

  /** [CLS], the first id of a context. Throws an {@link InputError} where there is none, as do all these ids. */
  get clsId(): number {
    return this.#firstOf('[CLS]')
  }

  /** Ids of the eight strategy tokens, by strategy index. */
  get strategyIds(): number[] {
    return STRATEGIES.map((name) => this.#firstOf(...strategyTokens(name)))
  }

  /** Ids of the nine relation tokens, by name without brackets. */
  get relationIds(): Record<RelationName, number> {
    const ids = RELATIONS.map((name) => [name, this.#firstOf(bracketed(name))] as const)
    return Object.fromEntries(ids) as Record<RelationName, number>
  }

  #firstOf(...tokens: string[]): number {
    for (const token of tokens) {
      const id = this.#codec.idOf(token)
      if (id !== undefined) return id
    }
    throw new InputError(`the tokenizer of ${this.#folder} has no token ${tokens.join(' or ')}`)
  }
}
