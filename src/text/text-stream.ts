/** Turns ids into text as they come: what has been returned so far, joined, is always a prefix of the decoded whole. */
export interface TextStream {
  /** Takes the next id and returns the text that is now certain, often ''. Throws an InputError on an unknown id. */
  push(id: number): string
  /** Returns what was held back. The stream is finished then. */
  end(): string
}

/** The spacing that decoding undoes, one replacement after another, as in Hugging Face's `clean_up_tokenization`. */
const CLEAN_UP: readonly (readonly [string, string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
]

/**
 * blenderbot_small's decoder: drops what `tokenOf` has no text for (undefined), joins tokens with spaces, removes `@@ `
 * and undoes the spacing before punctuation and in contractions. A word is held back until its last piece has come; a
 * space or an apostrophe until it is clear that it stays.
 */
export class WordStream implements TextStream {
  readonly #tokenOf: (id: number) => string | undefined
  readonly #cleanUp = CLEAN_UP.map(([from, to]) => new Replacement(from, to))
  /** The pieces of the word that has not ended yet. */
  #pieces: string[] = []
  #separator = ''

  /** `tokenOf` gives an id's token as the vocabulary writes it, undefined for ids without text. */
  constructor(tokenOf: (id: number) => string | undefined) {
    this.#tokenOf = tokenOf
  }

  push(id: number): string {
    const token = this.#tokenOf(id)
    if (token === undefined) return ''
    this.#pieces.push(token)
    return token.endsWith('@@') ? '' : this.#flushWord()
  }

  end(): string {
    const text = this.#flushWord()
    let held = ''
    for (const replacement of this.#cleanUp) held = replacement.push(held) + replacement.end()
    return text + held
  }

  #flushWord(): string {
    if (this.#pieces.length === 0) return ''
    let text = this.#separator + this.#pieces.join(' ').replaceAll('@@ ', '')
    this.#pieces = []
    this.#separator = ' '
    for (const replacement of this.#cleanUp) text = replacement.push(text)
    return text
  }
}

/** `text.replaceAll(from, to)` for a text that comes in parts; holds back only what may be the start of a match. */
class Replacement {
  #held = ''

  constructor(
    readonly from: string,
    readonly to: string,
  ) {}

  push(text: string): string {
    const parts = (this.#held + text).split(this.from)
    const last = parts.at(-1)!
    let length = Math.min(this.from.length - 1, last.length)
    while (!last.endsWith(this.from.slice(0, length))) length--
    this.#held = last.slice(last.length - length)
    parts[parts.length - 1] = last.slice(0, last.length - length)
    return parts.join(this.to)
  }

  end(): string {
    const held = this.#held
    this.#held = ''
    return held
  }
}
