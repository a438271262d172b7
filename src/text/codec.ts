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
  stream(): TextStream
}

/** The error for an id that no token has. */
export const unknownId = (id: number, { lastToken }: Codec): InputError =>
  new InputError(`cannot decode id ${id}: ids of this tokenizer are integers from 0 to ${lastToken.id}`)
