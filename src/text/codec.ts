import { InputError } from '../errors.js'
import type { NamedToken } from './added-tokens.js'
import type { TextStream } from './text-stream.js'

/** What a kind of tokenizer must do; `Tokenizer` is the same for all of them. */
export interface Codec {
  /** Number of ids without the added tokens. */
  readonly baseVocabSize: number
  /** The token with the highest id, added ones included. */
  readonly lastToken: NamedToken
  /** The id of a token as the vocabulary writes it. */
  idOf(token: string): number | undefined
  encode(texts: readonly string[]): Promise<number[][]>
  decode(ids: readonly number[]): string
  /** @param withSpecials keeps the tokens that decoding leaves out, where a kind of tokenizer can */
  stream(withSpecials?: boolean): TextStream
}

/** The error for an id that no token has. */
export const unknownId = (id: number, { lastToken }: Codec): InputError =>
  new InputError(`cannot decode id ${id}: ids of this tokenizer are integers from 0 to ${lastToken.id}`)

/** What {@link encodeParts} asks of a tokenizer of the package `tokenizers`. */
interface NativeEncoder {
  encodeBatch(texts: string[]): Promise<{ getIds(): number[] }[]>
}

/**
 * The ids of texts that were taken apart: into ids that are known at once, and runs of words for the package's BPE, which gets
 * all of them in one go.
 *
 * @param idOf the id that the package's own stands for; default: they are the same
 */
export async function encodeParts(
  native: NativeEncoder,
  texts: readonly (readonly (number | string)[])[],
  idOf = (native: number): number => native,
): Promise<number[][]> {
  const runs = texts.flat().filter((part) => typeof part === 'string')
  const encodings = (await native.encodeBatch(runs)).values()
  const ids = (part: number | string) => (typeof part === 'number' ? part : encodings.next().value!.getIds().map(idOf))
  return texts.map((parts) => parts.flatMap(ids))
}

/** The text of ids that come all at once. */
export const decodeAll = (stream: TextStream, ids: readonly number[]): string =>
  ids.map((id) => stream.push(id)).join('') + stream.end()
