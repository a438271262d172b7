import { Tokenizer as NativeTokenizer } from 'tokenizers'
import { InputError } from '../errors.js'
import { readTextFile } from '../io/text-file.js'
import { type Codec, unknownId } from './codec.js'
import type { TextStream } from './text-stream.js'

const MAX_FILE_BYTES = 256 * 2 ** 20
const ADVICE = 'save it again with Hugging Face tokenizers, or copy it unchanged from the model'

/** A tokenizer that its `tokenizer.json` describes in full. Encoding adds the specials that the file asks for. */
export class JsonCodec implements Codec {
  readonly baseVocabSize: number
  readonly vocabSize: number
  readonly #native: NativeTokenizer
  readonly #special: ReadonlySet<number>
  readonly #byteLevel: boolean

  /** Reads a tokenizer.json. Throws an {@link InputError} that names it. */
  static async load(path: string): Promise<JsonCodec> {
    const text = await readTextFile(path, MAX_FILE_BYTES, ADVICE)
    try {
      return new JsonCodec(NativeTokenizer.fromString(text), JSON.parse(text))
    } catch (error) {
      const reason = (error as Error).message.replace(/\s+/g, ' ')
      throw new InputError(`${path}: not a tokenizer.json of Hugging Face (${reason}); ${ADVICE}`)
    }
  }

  /** `json` is what `native` was made from: its shape has been checked there. */
  private constructor(
    native: NativeTokenizer,
    json: { added_tokens?: AddedToken[]; decoder?: { type: string } | null },
  ) {
    this.#native = native
    this.baseVocabSize = native.getVocabSize(false)
    this.vocabSize = native.getVocabSize(true)
    this.#special = new Set(json.added_tokens?.filter((token) => token.special).map((token) => token.id))
    this.#byteLevel = json.decoder?.type === 'ByteLevel'
  }

  idOf(token: string): number | undefined {
    return this.#native.tokenToId(token) ?? undefined
  }

  async encode(texts: readonly string[]): Promise<number[][]> {
    return (await this.#native.encodeBatch([...texts])).map((encoding) => encoding.getIds())
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

  /** An id's token, undefined for a special one. */
  #token(id: number): string | undefined {
    if (this.#special.has(id)) return undefined
    const token = Number.isInteger(id) && id >= 0 && id < 2 ** 32 ? this.#native.idToToken(id) : null
    if (token === null) throw unknownId(id, this.vocabSize)
    return token
  }
}

interface AddedToken {
  id: number
  special: boolean
}
