import { splitSpace } from './words.js'

/**
 * The words of a text as COMET-2019's tokenizer takes them, before its BPE: what ftfy and `text_standardize` make of
 * the text, cut as spaCy's English tokenizer cuts it, lower-cased; a line break is a word `\n`.
 *
 * Of ftfy it has line breaks, control characters, NFC, straight quotes, ligatures and full-width letters; no repair of
 * wrongly decoded text and no HTML entities. Of spaCy it has the rules: quotes, brackets, currencies, units and final
 * full stops come off, contractions are cut (`do n't`, `i 'm`, `can not`, also as `dont`, `im`), a full stop between words
 * (`end.Next`), a colon or a slash is a word. It lacks spaCy's table of exceptions but for the commonest abbreviations (`mr.`,
 * `u.s.`, `a.m.`), clock times (`5pm`) and single letters: emoticons (`:D`), rare abbreviations (`Mich.`), slang and addresses of the web may be cut otherwise. Such a word then has other ids than the released program gives it,
 * and the tails of that event may differ; the rest of the event keeps its ids.
 */
export function gptWords(text: string): string[] {
  return standardised(fixed(text))
    .split('\n')
    .flatMap((line, index) => [...(index > 0 ? ['\n'] : []), ...splitSpace(line).flatMap(spacyWords)])
    .map((word) => word.toLowerCase())
}

/** What ftfy's `fix_text` mends in text that was decoded as it should be. */
function fixed(text: string): string {
  return (
    text
      .replaceAll(/\r\n|[\r\u0085\u2028\u2029]/g, '\n')
      .replaceAll(/[\u02bc\u2018-\u201b]/g, "'")
      .replaceAll(/[\u201c-\u201f]/g, '"')
      // Ligatures and full-width forms.
      .replaceAll(/[\ufb00-\ufb06\uff01-\uff5e\u3000]/g, (it) => it.normalize('NFKC'))
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what goes
      .replaceAll(/[\0-\x08\x0b\x0e-\x1f\x7f\ufeff\ufff9-\ufffb]/g, '')
      .normalize('NFC')
  )
}

/** `text_standardize` of the released program, spaces folded later. */
function standardised(text: string): string {
  return text
    .replaceAll(/[—–―]/g, '-')
    .replaceAll('…', '...')
    .replaceAll('´', "'")
    .replaceAll(/-+|~+|!+|"+|;+|\?+|\++|,+|\)+|\(+|\\+|\/+|\*+|\[+|\]+|\}+|\{+|\|+|_+/g, ' $& ')
    .replaceAll(/[^\S\n]+/g, ' ')
    .replaceAll(/\s*\n\s*/g, '\n')
    .trim()
}

// spaCy's punctuation, less what standardising has set apart.
const MARKS = '[,:;!?¿¡()\\[\\]{}<>_#*&\'"`‚„»«]|\\.\\.+'
const CURRENCY = '[$£€¥฿₽﷼₴₠₡₢₣₤₥₦₧₨₩₪₫₭₮₯₰₱₲₳₵]'
const UNITS = 'km|cm|mm|m|ha|nm|yd|in|ft|kg|g|mg|t|lb|oz|kmh|mph|mb|MB|kb|KB|gb|GB|tb|TB|[TGMK%]'
const PREFIX = new RegExp(`^(?:[§%=]|\\+(?!\\d)|${MARKS}|${CURRENCY})`)
const SUFFIX = new RegExp(
  `(?:${MARKS}|'[sS]|(?<=\\d)(?:\\+|${CURRENCY}|${UNITS})|(?<=[0-9\\p{Ll}%²+'")\\]])\\.|(?<=\\p{Lu}\\p{Lu})\\.)$`,
  'u',
)
const INFIX =
  /(\.\.+|(?<=\d)[+\-*^](?=[\d-])|(?<=[\p{Ll}'"])\.(?=[\p{Lu}'"])|(?<=\p{L}),(?=\p{L})|(?<=[\p{L}\d])[:<>=/](?=\p{L}))/u

/** What is longer is no word: it is not looked into, which would take time with the square of its length. */
const LONGEST_RUN = 200

/** Cuts a run without white space, as spaCy's tokenizer does: prefixes and suffixes off, as long as there are any, then infixes. */
function spacyWords(run: string): string[] {
  if (run.length > LONGEST_RUN) return [run]
  const before: string[] = []
  const after: string[] = []
  let rest = run
  while (rest !== '') {
    const parts = exception(rest)
    if (parts) return [...before, ...parts, ...after.reverse()]
    const prefix = PREFIX.exec(rest)?.[0] ?? ''
    const suffix = SUFFIX.exec(rest.slice(prefix.length))?.[0] ?? ''
    if (prefix === '' && suffix === '') break
    if (prefix !== '') before.push(prefix)
    // A prefix alone may leave an exception (`'cause`): look again before the suffix goes.
    rest = rest.slice(prefix.length)
    if (suffix === '' || (prefix !== '' && exception(rest))) continue
    after.push(suffix)
    rest = rest.slice(0, rest.length - suffix.length)
  }
  return [...before, ...rest.split(INFIX).filter((part) => part !== ''), ...after.reverse()]
}

/** Abbreviations that keep their full stop, and words that keep their apostrophe. */
const WHOLE = new Set(
  (
    'mr. mrs. ms. dr. prof. st. jr. co. inc. ltd. corp. gen. gov. rep. rev. sen. e.g. i.e. vs. v.s. a.m. p.m. u.s. u.k. d.c. ' +
    "ph.d. jan. feb. mar. apr. jun. jul. aug. sep. sept. oct. nov. dec. o'clock ma'am 'cause 'em ol'"
  ).split(' '),
)
const NEGATED =
  'ca could do does did had may might must need ought sha should wo would is are was were have has dare ai'
const COULD = 'could might must should would'
const PRONOUN = 'i you he she it we they who what when where why how there that'
const group = (words: string) => `(${words.split(' ').join('|')})`
/** Contractions, and how many parts each has: `do|n't`, `i|'d|'ve`. The apostrophe may be missing. */
const CONTRACTIONS = [
  new RegExp(`^${group(NEGATED)}(n'?t)('?ve)?$`, 'i'),
  new RegExp(`^${group(COULD)}('?ve)$`, 'i'),
  /^(i)('?m)(a)?$/i,
  new RegExp(`^${group(PRONOUN)}('?(?:ll|d))('?ve)?$`, 'i'),
  new RegExp(`^${group('i you we they who what when where why how there that')}('?ve)$`, 'i'),
  new RegExp(`^${group('you we they who what when where why how there that')}('?re)$`, 'i'),
  new RegExp(`^${group('he she it who what when where why how there that')}('?s)$`, 'i'),
  /^(can)(not)$/i,
  /^(gon)(na)$/i,
  /^(got)(ta)$/i,
  /^(y')(all)$/i,
]
/** Words that only look like contractions without an apostrophe. */
const NONE = new Set('ill its hell shell shed were well whore'.split(' '))

/** The parts of a run that is cut in a way of its own; undefined where the rules hold. */
function exception(run: string): string[] | undefined {
  const lower = run.toLowerCase()
  if (NONE.has(lower)) return [run]
  if (WHOLE.has(lower) || /^\p{L}\.$/u.test(run)) return [run]
  for (const contraction of CONTRACTIONS) {
    const parts = contraction.exec(run)
    if (parts) return parts.slice(1).filter((part) => part !== undefined)
  }
  return /^(\d{1,2})([ap](?:m|\.m\.))$/i.exec(run)?.slice(1)
}
