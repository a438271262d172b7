import { SPECIALS } from './vocabulary.js'

// White space as blenderbot_small's tokenizer (Python's `\s`) knows it; JavaScript's `\s` differs in a few characters.
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
const SPACES = new RegExp(`[${SPACE}]+`)
const WORD = new RegExp(`[^${SPACE}]+\\n?`, 'g')

const LEADING = new RegExp(`^[${SPACE}]+`)
const TRAILING = new RegExp(`(?<![${SPACE}])[${SPACE}]+$`)

/** A text without the white space it begins with, as Python's `lstrip()` gives it. */
export const stripLeft = (text: string): string => text.replace(LEADING, '')

/** A text without the white space it ends with, as Python's `rstrip()` gives it. */
export const stripRight = (text: string): string => text.replace(TRAILING, '')

/** The pieces of a text between white space, as Python's `split()` gives them. */
export const splitSpace = (text: string): string[] => text.split(SPACES).filter((part) => part !== '')

/**
 * The words of a text as blenderbot_small's BPE takes them: punctuation and apostrophes apart, lower-cased, a newline
 * right after a word as `__newln__`. `trimmed` leaves out the newline after the last word.
 */
export function bpeWords(text: string, trimmed: boolean): string[] {
  const words: string[] = text.match(WORD) ?? []
  if (trimmed && words.length > 0) words.push(words.pop()!.replace('\n', ''))
  return words.flatMap((word) =>
    word
      .replace(/[.,!?()]/g, ' $&')
      .replaceAll("'", " ' ")
      .replace(/[ \n]{2,}/g, ' ')
      .replace('\n', ` ${SPECIALS.newline}`)
      .split(' ')
      .filter((part) => part !== '')
      .map((part) => part.toLowerCase()),
  )
}
