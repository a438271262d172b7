import { InputError } from '../errors.js'
import { quote } from '../quote.js'

/** WordNet's files of one part of speech, as `man wndb` describes them. All are ASCII, so that offsets count characters. */
export interface WordNetFiles {
  /** index.noun: a lemma a line, with the offsets of its synsets. */
  readonly index: string
  /** data.noun: a synset a line, with its words. */
  readonly data: string
  /** noun.exc: an irregular form a line, with its base forms. */
  readonly exceptions: string
}

/** What WordNet's files are named after. */
export const PARTS_OF_SPEECH = ['noun', 'verb', 'adj', 'adv'] as const

/** One of {@link PARTS_OF_SPEECH}. */
export type PartOfSpeech = (typeof PARTS_OF_SPEECH)[number]

/** Endings of regular forms, and what base forms end in: WordNet's rules of detachment. */
const DETACHMENT: Readonly<Record<PartOfSpeech, readonly (readonly [ending: string, base: string])[]>> = {
  noun: [
    ['s', ''],
    ['ses', 's'],
    ['ves', 'f'],
    ['xes', 'x'],
    ['zes', 'z'],
    ['ches', 'ch'],
    ['shes', 'sh'],
    ['men', 'man'],
    ['ies', 'y'],
  ],
  verb: [
    ['s', ''],
    ['ies', 'y'],
    ['es', 'e'],
    ['es', ''],
    ['ed', 'e'],
    ['ed', ''],
    ['ing', 'e'],
    ['ing', ''],
  ],
  adj: [
    ['er', ''],
    ['est', ''],
    ['er', 'e'],
    ['est', 'e'],
  ],
  adv: [],
}

/** Princeton's WordNet, as far as METEOR asks it: which words mean the same. */
export class WordNet {
  /** As its files say: `3.0`. */
  readonly version: string
  readonly #lexicons: readonly Lexicon[]
  readonly #found = new Map<string, ReadonlySet<string>>()

  /** @throws InputError where the files are not WordNet's */
  constructor(files: Readonly<Record<PartOfSpeech, WordNetFiles>>) {
    const version = /^ +\d+ WordNet (\d+\.\d+) Copyright/m.exec(files.noun.data.slice(0, 4096))?.[1]
    if (version === undefined) throw new InputError('data.noun does not open with WordNet’s licence and version')
    this.version = version
    this.#lexicons = PARTS_OF_SPEECH.map((part) => new Lexicon(part, files[part]))
  }

  /** The single words of all synsets that a lower-case word or one of its base forms is in, spelt as WordNet does. */
  synonyms(word: string): ReadonlySet<string> {
    let found = this.#found.get(word)
    if (!found) {
      found = new Set(this.#lexicons.flatMap((lexicon) => lexicon.synonyms(word)))
      this.#found.set(word, found)
    }
    return found
  }
}

/** WordNet's words of one part of speech. */
class Lexicon {
  /** Lines of the index by their lemmas. */
  readonly #index: ReadonlyMap<string, string>
  readonly #exceptions: ReadonlyMap<string, readonly string[]>

  constructor(
    readonly part: PartOfSpeech,
    readonly files: WordNetFiles,
  ) {
    // Lines that open with a space are the licence.
    const lines = files.index.split('\n').filter((line) => line !== '' && !line.startsWith(' '))
    this.#index = new Map(lines.map((line) => [line.slice(0, line.indexOf(' ')), line]))
    this.#exceptions = new Map(
      files.exceptions.split('\n').map((line) => {
        const [form = '', ...bases] = line.trim().split(' ')
        return [form, bases]
      }),
    )
  }

  synonyms(word: string): string[] {
    return this.#baseForms(word).flatMap((form) => this.#synsets(form).flatMap((offset) => this.#words(offset)))
  }

  /** Those of a form's base forms that are lemmas: irregular ones, else by the rules, as often as it takes to find any. */
  #baseForms(word: string): string[] {
    const irregular = this.#exceptions.get(word)
    if (irregular) return this.#lemmas([word, ...irregular])
    let forms = this.#detach([word])
    let found = this.#lemmas([word, ...forms])
    while (found.length === 0 && forms.length > 0) {
      forms = this.#detach(forms)
      found = this.#lemmas(forms)
    }
    return found
  }

  #detach(forms: readonly string[]): string[] {
    const bases = forms.flatMap((form) =>
      DETACHMENT[this.part]
        .filter(([ending]) => form.endsWith(ending))
        .map(([ending, base]) => form.slice(0, form.length - ending.length) + base),
    )
    return [...new Set(bases)]
  }

  #lemmas(forms: readonly string[]): string[] {
    return forms.filter((form) => this.#index.has(form))
  }

  /** Where the synsets of a lemma lie: the last fields of its line, as many as the third one says. */
  #synsets(lemma: string): number[] {
    const fields = this.#index.get(lemma)!.trimEnd().split(' ')
    return fields.slice(-Number(fields[2])).map(Number)
  }

  /** The single words of a synset, without the place in brackets that some adjectives have: `asleep(p)`. */
  #words(offset: number): string[] {
    const { data } = this.files
    const line = data.slice(offset, data.indexOf('\n', offset))
    const [place, , , count = '', ...fields] = line.split(' ')
    if (Number(place) !== offset || !/^[\da-f]{2}$/.test(count)) {
      throw new InputError(
        `data.${this.part} of WordNet: no synset at ${offset}, where the index has one: ${quote(line)}`,
      )
    }
    const words = fields.slice(0, 2 * Number.parseInt(count, 16)).filter((_, i) => i % 2 === 0)
    return words.filter((word) => !word.includes('_')).map((word) => word.replace(/\(.*\)$/, ''))
  }
}
