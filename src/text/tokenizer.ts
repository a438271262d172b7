import { InputError } from '../errors.js'
import { modelFolder, statIfThere } from '../io/model-folder.js'
import { fileIn } from '../io/path-of.js'
import type { NamedToken } from './added-tokens.js'
import { BlenderbotCodec } from './blenderbot-codec.js'
import { misfit, textIfThere } from './bpe-files.js'
import { ByteLevelCodec, isByteLevel } from './byte-level-codec.js'
import type { Codec } from './codec.js'
import { GptCodec, holdsGptFiles, isGpt, isGptLike } from './gpt-codec.js'
import { JsonCodec } from './json-codec.js'
import { bracketed, RELATIONS, type RelationName, STRATEGIES, strategyTokens } from './strategies.js'
import type { TextStream } from './text-stream.js'
import { isBlenderbotSmall, readVocabulary } from './vocabulary.js'

/** The most characters (UTF-16 units) that one text may have. */
export const MAX_TEXT_LENGTH = 1_000_000

/**
 * Text to ids and back. Four kinds: MISC's own (vocab.json and merges.txt), COMET-2019's (OpenAI GPT's), byte-level BPE (that
 * of BART, so of COMET-BART), and a Hugging Face `tokenizer.json` of the parts that are safe to run (tokenizer-parts).
 */
export class Tokenizer {
  readonly #codec: Codec
  readonly #folder: string

  private constructor(codec: Codec, folder: string) {
    this.#codec = codec
    this.#folder = folder
  }

  /**
   * Reads the tokenizer files of a model folder, found by {@link modelFolder}. What vocab.json holds tells its kind:
   * blenderbot_small's (MISC's 18 tokens are added) and OpenAI GPT's (also as encoder_bpe_40000.json and vocab_40000.bpe;
   * COMET-2019's 12 are added) are read with merges.txt, whatever lies beside them; of others a tokenizer.json says all, and
   * where there is none they are byte-level BPE. The ids of added tokens are those that added_tokens.json,
   * tokenizer_config.json or tokenizer.json give them; where these name BlenderBot-Joint's, none of MISC's are added. Throws an
   * {@link InputError} that names the file, or the two that contradict each other.
   *
   * @param usual the tokens that are added to blenderbot_small's though no file names them; default: MISC's 18.
   */
  static async load(path: string, usual?: readonly string[]): Promise<Tokenizer> {
    const folder = await modelFolder(path)
    return new Tokenizer(await loadCodec(folder, usual), folder)
  }

  /**
   * The ids of a text, none for ''. Byte-level BPE puts `<s> … </s>` around it, a `tokenizer.json` the specials that its
   * post-processor names. Lone surrogates count as U+FFFD. Throws an {@link InputError} over {@link MAX_TEXT_LENGTH} characters.
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
   * The text of ids: padding, start, EOS, unknown and [CLS] left out (a `tokenizer.json`: its special tokens); of
   * blenderbot_small's, spacing before punctuation and in contractions undone. Throws an {@link InputError} on an id that no
   * token has.
   */
  decode(ids: readonly number[]): string {
    return this.#codec.decode(ids)
  }

  /**
   * A decoder for ids that come one by one; its pieces joined are exactly {@link decode} of all the ids.
   *
   * @param withSpecials of blenderbot_small's: padding, start, EOS, unknown and [CLS] are part of the text; default: they are not.
   */
  stream(withSpecials = false): TextStream {
    return this.#codec.stream(withSpecials)
  }

  /** The id of a token as the vocabulary writes it, added ones included; undefined where there is none. */
  idOf(token: string): number | undefined {
    return this.#codec.idOf(token)
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

  /** The decoder's first id, for a reply. */
  get startId(): number {
    return this.#firstOf('__start__')
  }

  /** The end of an utterance and of a reply. */
  get eosId(): number {
    return this.#firstOf('__end__', '</s>', '<END>')
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

/** The tokenizer that a folder's files are of. */
async function loadCodec(folder: string, usual?: readonly string[]): Promise<Codec> {
  if (await holdsGptFiles(folder)) return GptCodec.load(folder)
  const vocabulary = await textIfThere(fileIn(folder, 'vocab.json'))
  if (!isBlenderbotSmall(vocabulary)) {
    if (isGpt(vocabulary)) return GptCodec.load(folder)
    if (await statIfThere(fileIn(folder, 'tokenizer.json'))) return JsonCodec.load(folder)
    if (isGptLike(vocabulary)) return GptCodec.load(folder)
    if (isByteLevel(vocabulary)) return ByteLevelCodec.load(folder)
  }
  const files = await readVocabulary(folder, usual)
  try {
    return new BlenderbotCodec(files)
  } catch (error) {
    throw misfit(folder, error)
  }
}
