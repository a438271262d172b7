import { splitSpace } from './words.js'

/**
 * The words of a text as NLTK's `word_tokenize` cuts them (3.8: Punkt's English sentences, then `NLTKWordTokenizer`, which
 * improves on the Penn Treebank's rules). Only the last period of a sentence comes off its word.
 *
 * The text is lower case, as `clean` leaves it: Punkt also looks at which words begin with a capital. White space of any
 * kind counts as one space.
 */
export function nltkWords(text: string): string[] {
  return sentences(text).flatMap(treebankWords)
}

/** What may stand within a sentence's last run of characters behind its `.`, `?` or `!`: it begins a word of its own. */
const MARKS = '[)";}\\]*:@\'({\\[?!]'
/** The last place of a run where a sentence may end: nothing follows, or one of {@link MARKS}. */
const LAST_END = new RegExp(`^.*[.?!](?=${MARKS}|$)`, 's')
/** The same in a text's last run, where that nothing follows says nothing. */
const LAST_INNER_END = new RegExp(`^.*[.?!](?=${MARKS})`, 's')
/** What else still belongs to a sentence that ends. */
const CLOSING = /^["')\]}]*$/
/** The word that a period belongs to: of `don't.` it is `'t.`. */
const OWN_WORD = new RegExp(`'?(?:(?!${MARKS}).)*$`, 's')

/**
 * A text's sentences, by what Punkt's English model says of text without capitals. A `?` or a `!` ends a sentence, where white
 * space, a bracket, a quote or another mark follows; so does a period, unless
 *
 * - it is the last of several (`so... yes`),
 * - its word is an abbreviation that the model knows (`mr.`, `a.m.`; `ok.` too), or
 * - its word is a letter or a number, and a letter or another mark follows (`so do i. what`, `15. :(`).
 *
 * Closing quotes and brackets behind it are part of the sentence, also with white space between.
 */
export function sentences(text: string): string[] {
  const runs = splitSpace(text)
  const found: string[] = []
  let sentence: string[] = []
  const end = () => {
    if (sentence.length > 0) found.push(sentence.join(' '))
    sentence = []
  }
  for (const [index, run] of runs.entries()) {
    const next = runs[index + 1]
    const [head] = (next === undefined ? LAST_INNER_END : LAST_END).exec(run) ?? []
    const rest = run.slice(head?.length)
    if (sentence.length === 0 && found.length > 0 && CLOSING.test(run)) {
      found.push(`${found.pop()} ${run}`)
    } else if (head === undefined || !ends(head, rest || next!)) {
      sentence.push(run)
    } else if (CLOSING.test(rest)) {
      sentence.push(run)
      end()
    } else {
      sentence.push(head)
      end()
      sentence.push(rest)
    }
  }
  end()
  return found
}

/** Whether a sentence ends with these characters, the last of which may end one. */
function ends(head: string, next: string): boolean {
  if (/[?!]/.test(head)) return true
  const [word] = OWN_WORD.exec(head)!
  if (word.endsWith('..')) return false
  const stem = word.slice(0, -1)
  if (ABBREVIATIONS.has(stem) || ABBREVIATIONS.has(stem.replace(/^.*-/s, ''))) return false
  return !(LETTER_OR_NUMBER.test(stem) && /^[\p{Ll}:;,.?!]/u.test(next))
}

const LETTER_OR_NUMBER = /^(?:[\p{L}_]|-?[.,]?\p{Nd}[\p{Nd},.-]*)$/u

/** Of those that Punkt's English model was trained to know, the ones that people write. */
const ABBREVIATIONS = new Set(
  (
    'mr mrs ms dr prof messrs jr sr st sen rep reps gen col lt maj adm inc co corp cos ltd bros cie ' +
    'jan feb aug sep sept oct nov dec tues wed fri ave ft mg yr vs ok ill ala ' +
    'ariz calif colo conn fla ga kan ky mich minn nev okla ore pa tenn va vt wash wis ct sw ' +
    'a.m p.m a.d ph.d m.b.a u.s u.s.a u.s.s.r u.k u.n d.c l.a n.y n.j n.c s.c n.d n.h n.m r.i w.va ' +
    'c d e f g h k l m n p r s t v w'
  ).split(' '),
)

/** Beside a character of a word, as `\b` is in Python. */
const [START, END] = ['(?<![\\p{L}\\p{N}_])', '(?![\\p{L}\\p{N}_])']

/** `NLTKWordTokenizer`'s replacements before a space is put around the text. */
const INNER: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // Opening quotes; a closing one is still a `"`, or two apostrophes.
  [/[«“‘„]|`+/g, ' $& '],
  [/^"/, '``'],
  [/``/g, ' $& '],
  [/([ ([{<])(?:"|'')/g, '$1 `` '],
  [new RegExp(`'(?!re|ve|ll|m|t|s|d|n)([\\p{L}\\p{N}_])${END}`, 'giu'), "' $1"],
  // The last period, with quotes and brackets behind it.
  [/([^.])\.([\])}>"'»”’ ]*)$/, '$1 . $2 '],
  // Neither in `10,000` nor in `5:30`.
  [/([:,])(\P{Nd})/gu, ' $1 $2'],
  [/[:,]$/, ' $& '],
  [/\.{2,}/g, ' $& '],
  [/[;@#$%&?!]/g, ' $& '],
  [/([^'])' /g, "$1 ' "],
  [/[*\][(){}<>]/g, ' $& '],
  [/--/g, ' -- '],
]

/** The replacements after that. */
const OUTER: typeof INNER = [
  [/[»”’]/g, ' $& '],
  [/''|"/g, " '' "],
  [/([^' ])('[smd]|') /gi, '$1 $2 '],
  [/([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) /g, '$1 $2 '],
  // MacIntyre's contractions.
  ...['(can)(not)', "(d)('ye)", '(gim)(me)', '(gon)(na)', '(got)(ta)', '(lem)(me)', "(more)('n)"].map(
    (parts) => [new RegExp(START + parts + END, 'giu'), ' $1 $2 '] as const,
  ),
  [new RegExp(`${START}(wan)(na)(?=\\s)`, 'giu'), ' $1 $2 '],
  ...['is', 'was'].map((verb) => [new RegExp(` ('t)(${verb})${END}`, 'giu'), ' $1 $2 '] as const),
]

/** The words of a sentence, as `NLTKWordTokenizer` cuts it. */
export function treebankWords(sentence: string): string[] {
  const replaced = (text: string, rules: typeof INNER) =>
    rules.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), text)
  return splitSpace(replaced(` ${replaced(sentence, INNER)} `, OUTER))
}
