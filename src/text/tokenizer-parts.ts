import { InputError } from '../errors.js'
import { quote } from '../quote.js'

/** A part of a tokenizer.json: its kind, and what it is set to. */
type Part = Readonly<Record<string, unknown>>

/** Whether a part is one that the package works with, whatever a text says. */
type Check = (part: Part) => boolean

const always: Check = () => true
const isText = (value: unknown) => typeof value === 'object' && value !== null && Object.hasOwn(value, 'String')

/**
 * The kinds of parts that are read, and how they must be. The package `tokenizers` ends the whole process where others, or
 * these otherwise, go wrong: a regular expression that backtracks too long, a character map that is damaged, a special that is
 * not described, an index beyond a token, a merge that makes what is longer than all tokens.
 */
const KINDS: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  normalizer: {
    ...all('Sequence', 'Lowercase', 'NFC', 'NFD', 'NFKC', 'NFKD', 'Nmt', 'Strip', 'StripAccents', 'BertNormalizer'),
    ...all('Prepend', 'ByteLevel'),
    Replace: ({ pattern }) => isText(pattern),
  },
  pre_tokenizer: {
    ...all('Sequence', 'ByteLevel', 'Whitespace', 'WhitespaceSplit', 'BertPreTokenizer', 'Metaspace', 'Punctuation'),
    ...all('Digits', 'CharDelimiterSplit', 'UnicodeScripts'),
    Split: ({ pattern }) => isText(pattern),
  },
  post_processor: {
    ...all('Sequence', 'ByteLevel', 'BertProcessing', 'RobertaProcessing'),
    TemplateProcessing: describesSpecials,
  },
  decoder: {
    ...all('Sequence', 'ByteLevel', 'WordPiece', 'Metaspace', 'BPEDecoder', 'ByteFallback', 'Fuse'),
    Replace: ({ pattern }) => isText(pattern),
    Strip: ({ stop }) => stop === 0,
  },
}

function all(...kinds: string[]): Record<string, Check> {
  return Object.fromEntries(kinds.map((kind) => [kind, always]))
}

/**
 * Checks that a tokenizer.json is of parts that can be used safely. Whether they are otherwise as they should be is for the
 * package to say.
 *
 * @param json the parsed file
 * @throws InputError that names the part
 */
export function checkTokenizerParts(json: unknown, path: string): void {
  const { model } = (json ?? {}) as Part
  if (typeof model === 'object' && model !== null && !mergesWithinVocabulary(model as Part)) {
    throw new InputError(
      `${path}: its model has a continuing_subword_prefix, or merges to tokens that its vocabulary lacks, which are not read`,
    )
  }
  for (const [place, kinds] of Object.entries(KINDS)) {
    for (const part of parts((json as Part | null)?.[place])) {
      const { type } = part
      if (typeof type === 'string' && Object.hasOwn(kinds, type) && kinds[type]!(part)) continue
      throw new InputError(
        `${path}: its ${place} is ${quote(part)}, of a kind or with settings that are not read: the parts are ` +
          `${Object.keys(kinds).join(', ')}, without regular expressions and specials that are not described`,
      )
    }
  }
}

/** A part and all that it is a sequence of. */
function parts(part: unknown): Part[] {
  const found: Part[] = []
  const open = [part]
  while (open.length > 0) {
    const one = open.pop()
    if (typeof one !== 'object' || one === null || Array.isArray(one)) continue
    found.push(one as Part)
    for (const key of ['normalizers', 'pretokenizers', 'processors', 'decoders']) {
      const inner = (one as Part)[key]
      if (Array.isArray(inner)) open.push(...inner)
    }
  }
  return found
}

/** Whether a template puts in no special that it does not describe, and no second text where there is one. */
function describesSpecials({ single, pair, special_tokens: described }: Part): boolean {
  const pieces = (value: unknown): Part[] => (Array.isArray(value) ? value : [])
  const id = (value: unknown) => (value as Part | null | undefined)?.id
  const known = (piece: Part | null) => {
    const special = id(piece?.SpecialToken)
    return special === undefined || (typeof special === 'string' && Object.hasOwn(described ?? {}, special))
  }
  return (
    [...pieces(single), ...pieces(pair)].every(known) && pieces(single).every((piece) => id(piece?.Sequence) !== 'B')
  )
}

/** Whether all that merges make is in the vocabulary. */
function mergesWithinVocabulary({ continuing_subword_prefix: prefix, vocab, merges }: Part): boolean {
  if (!Array.isArray(merges) || merges.length === 0) return true
  const joined = (merge: unknown) =>
    Array.isArray(merge) ? merge.join('') : typeof merge === 'string' ? merge.split(' ').join('') : ''
  const there = (token: string) => token === '' || Object.hasOwn(vocab ?? {}, token)
  return !prefix && merges.every((merge) => there(joined(merge)))
}
