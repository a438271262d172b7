import { InputError } from '../errors.js'
import { acceptedEosIds, readEosIds } from '../generation/token-rules.js'
import { quote } from '../quote.js'

/** Reads a config.json as Hugging Face writes it, each key checked when it is read. Keys that nothing asks for are left alone. */
export class ConfigReader {
  readonly #values: ReadonlyMap<string, unknown>

  /**
   * @param json the parsed file
   * @param file its path, for messages
   * @throws InputError where it is no object
   */
  constructor(
    json: unknown,
    readonly file: string,
  ) {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw new InputError(`${file}: is not a JSON object; a model's config.json is one`)
    }
    this.#values = new Map(Object.entries(json).filter(([, value]) => value !== null && value !== undefined))
  }

  /** A key's value; undefined where it is missing or null. */
  value(key: string): unknown {
    return this.#values.get(key)
  }

  /** An integer in a range. @throws InputError where it is another, or missing without a fallback */
  integer(key: string, low: number, high: number, fallback?: number): number {
    const value = this.value(key) ?? fallback
    if (Number.isInteger(value) && (value as number) >= low && (value as number) <= high) return value as number
    throw this.fault(key, `an integer from ${low} to ${high}`)
  }

  /** One of some words, or undefined where it is missing. @throws InputError */
  oneOf<Word extends string>(key: string, words: readonly Word[]): Word | undefined {
    const value = this.value(key) as Word | undefined
    if (value === undefined || words.includes(value)) return value
    throw this.fault(key, words.join(' or '))
  }

  /** true or false. @throws InputError */
  flag(key: string, fallback = false): boolean {
    const value = this.value(key) ?? fallback
    if (typeof value === 'boolean') return value
    throw this.fault(key, 'true or false')
  }

  /** A number of heads, which divides the width of the key `widthKey`. @throws InputError */
  heads(key: string, width: number, widthKey: string): number {
    const count = this.integer(key, 1, width)
    if (width % count === 0) return count
    throw this.fault(key, `a divisor of ${widthKey} (${width})`)
  }

  /** `eos_token_id`: ids of the vocabulary, each once. @throws InputError */
  eosIds(vocabSize: number, fallback?: number): number[] {
    const value = this.value('eos_token_id') ?? fallback
    const ids = value === undefined ? [] : readEosIds(value, vocabSize)
    if (ids) return ids
    throw this.fault('eos_token_id', `${acceptedEosIds} from 0 to ${vocabSize - 1}`)
  }

  /** Refuses settings that announce another computation than the one that is done. @throws InputError */
  expect(settings: readonly (readonly [key: string, value: unknown])[]): void {
    for (const [key, value] of settings) {
      if ((this.value(key) ?? value) !== value) throw this.fault(key, `${value}: nothing else is implemented`)
    }
  }

  /** What to throw where a key has no right value. */
  fault(key: string, expected: string): InputError {
    const found = this.#values.has(key) ? `is ${quote(this.value(key))}` : 'is missing'
    return new InputError(`${this.file}: ${key} ${found}, but must be ${expected}`)
  }
}
