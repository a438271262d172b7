import { Tokenizer as NativeTokenizer } from 'tokenizers'
import { InputError } from '../errors.js'
import { fileIn } from '../io/path-of.js'
import { readTextFile } from '../io/text-file.js'
import { agreedTokens, lastOf, type NamedToken, readAddedTokens, tokenizerJsonTokens } from './added-tokens.js'
import { type Codec, unknownId } from './codec.js'
import type { TextStream } from './text-stream.js'
import { checkTokenizerParts } from './tokenizer-parts.js'

const MAX_FILE_BYTES = 256 * 2 ** 20
const ADVICE = 'save it again with Hugging Face tokenizers, or copy it unchanged from the model'

/** A tokenizer that its `tokenizer.json` describes in full. Encoding adds the specials that the file asks for. */
export class JsonCodec implements Codec {
  readonly baseVocabSize: number
  readonly lastToken: NamedToken
  readonly #native: NativeTokenizer
  /** Tokens added to the model's, by id. */
  readonly #added: ReadonlyMap<number, NamedToken>
  /** The package numbers added tokens on its own: the file's id of each of its ids. */
  readonly #idOfNative: ReadonlyMap<number, number>
  readonly #byteLevel: boolean
  readonly #path: string

  /** Reads a folder's tokenizer.json. Throws an {@link InputError} that names it, or two files that contradict each other. */
  static async load(folder: string): Promise<JsonCodec> {
    const path = fileIn(folder, 'tokenizer.json')
    const text = await readTextFile(path, MAX_FILE_BYTES, ADVICE)
    const others = await readAddedTokens(folder)
    let native: NativeTokenizer
    let json: { decoder?: { type: string } | null }
    try {
      json = JSON.parse(text)
      checkTokenizerParts(json, path)
      native = NativeTokenizer.fromString(text)
    } catch (error) {
      if (error instanceof InputError) throw error
      throw new InputError(`${path}: not a tokenizer.json of Hugging Face (${oneLine(error)}); ${ADVICE}`)
    }
    // As transformers does: what cuts and fills up a text is for the caller to say.
    native.disableTruncation()
    native.disablePadding()
    const ofModel = Object.entries(native.getVocab(false)).map(([token, id]) => ({
      ...{ token, id, special: false, file: 'tokenizer.json’s model' },
    }))
    if (ofModel.length === 0) throw new InputError(`${path}: its model has no tokens; ${ADVICE}`)
    const named = [...tokenizerJsonTokens(json, folder), ...others]
    agreedTokens([...ofModel, ...named], folder)
    return new JsonCodec(native, ofModel, named, json.decoder?.type === 'ByteLevel', path)
  }

  private constructor(
    native: NativeTokenizer,
    ofModel: readonly NamedToken[],
    named: readonly NamedToken[],
    byteLevel: boolean,
    path: string,
  ) {
    this.baseVocabSize = lastOf(ofModel).id + 1
    this.lastToken = lastOf([...ofModel, ...named])
    native.addTokens(named.filter(({ token }) => native.tokenToId(token) === null).map(({ token }) => token))
    this.#native = native
    // The first to name a token says whether it is special.
    this.#added = new Map(named.toReversed().map((it) => [it.id, it]))
    this.#idOfNative = new Map(named.map(({ token, id }) => [native.tokenToId(token)!, id]))
    this.#byteLevel = byteLevel
    this.#path = path
  }

  idOf(token: string): number | undefined {
    const native = this.#native.tokenToId(token)
    return native === null ? undefined : this.#fileId(native)
  }

  async encode(texts: readonly string[]): Promise<number[][]> {
    const encodings = await this.#native.encodeBatch([...texts]).catch((error) => {
      throw new InputError(`${this.#path}: cannot encode a text (${oneLine(error)}); ${ADVICE}`)
    })
    return encodings.map((encoding) => encoding.getIds().map((id) => this.#fileId(id)))
  }

  decode(ids: readonly number[]): string {
    return this.#text(ids.flatMap((id) => this.#token(id) ?? []))
  }

  /** With a byte-level decoder text comes word by word, as `Ġ` starts one; with any other all comes at the end. */
  stream(): TextStream {
    let tokens: string[] = []
    return {
      push: (id) => {
        const token = this.#token(id)
        if (token === undefined) return ''
        const whole = this.#byteLevel && token.startsWith('Ġ') ? tokens.splice(0) : []
        tokens.push(token)
        return this.#text(whole)
      },
      end: () => {
        const rest = tokens
        tokens = []
        return this.#text(rest)
      },
    }
  }

  #text(tokens: string[]): string {
    return this.#native.getDecoder()?.decode(tokens) ?? tokens.join(' ')
  }

  #fileId(native: number): number {
    return this.#idOfNative.get(native) ?? native
  }

  /** An id's token, undefined for a special one. */
  #token(id: number): string | undefined {
    const added = this.#added.get(id)
    if (added) return added.special ? undefined : added.token
    const token = Number.isInteger(id) && id >= 0 && id < this.baseVocabSize ? this.#native.idToToken(id) : null
    if (token === null) throw unknownId(id, this)
    return token
  }
}

const oneLine = (error: unknown): string => (error as Error).message.replace(/\s+/g, ' ').slice(0, 300)
