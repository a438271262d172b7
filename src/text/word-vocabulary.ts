import { InputError } from '../errors.js'
import { fileIn } from '../io/path-of.js'
import { quote } from '../quote.js'
import { readTokens } from './bpe-files.js'
import type { TextStream } from './text-stream.js'

/** The ids with which every vocabulary of MoEL's program and its kin begins. */
export const WORD_IDS = { UNK: 0, PAD: 1, EOS: 2, SOS: 3, USR: 4, SYS: 5, CLS: 6 } as const

const SPECIALS = Object.keys(WORD_IDS)

/**
 * The words that a model knows, each with an id: {@link WORD_IDS}, then those of its data in order of first appearance. What it
 * does not know is UNK, a row that the released programs never trained: their vocabularies hold the words of dev and test too.
 */
export class WordVocabulary {
  readonly #ids: ReadonlyMap<string, number>

  /**
   * Reads a folder's vocab.json, an object of word: id.
   *
   * @throws InputError that names the file, where it is missing, an id is left out or given twice, or the first are not
   *   {@link WORD_IDS}
   */
  static async load(folder: string): Promise<WordVocabulary> {
    const path = fileIn(folder, 'vocab.json')
    const words = await readTokens(path, 'give the words that the model was trained with, as an object of word: id')
    for (const [id, name] of SPECIALS.entries()) {
      if (words[id] === name) continue
      const found = words[id] === undefined ? 'missing' : quote(words[id])
      throw new InputError(`${path}: id ${id} is ${found}, but must be ${name}: the first are ${SPECIALS.join(', ')}`)
    }
    return new WordVocabulary(words)
  }

  private constructor(readonly words: readonly string[]) {
    this.#ids = new Map(words.map((word, id) => [word, id]))
  }

  get size(): number {
    return this.words.length
  }

  /** The id of a word: UNK where the vocabulary lacks it. */
  idOf(word: string): number {
    return this.#ids.get(word) ?? WORD_IDS.UNK
  }

  /** The words of ids with spaces between them, {@link WORD_IDS} left out. @throws InputError on an id that no word has */
  decode(ids: readonly number[]): string {
    return this.#textOf(ids).join(' ')
  }

  /** A decoder for ids that come one by one; its pieces joined are exactly {@link decode} of all the ids. */
  stream(): TextStream {
    let separator = ''
    return {
      push: (id) => {
        const [word] = this.#textOf([id])
        if (word === undefined) return ''
        const piece = separator + word
        separator = ' '
        return piece
      },
      end: () => '',
    }
  }

  #textOf(ids: readonly number[]): string[] {
    return ids.flatMap((id) => {
      const word = this.words[id]
      if (word === undefined)
        throw new InputError(`cannot decode id ${id}: ids are integers from 0 to ${this.size - 1}`)
      return id < SPECIALS.length ? [] : [word]
    })
  }
}
