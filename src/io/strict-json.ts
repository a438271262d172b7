import { quote } from '../quote.js'

/** A JSON value as {@link parseStrictJson} returns it: integers are exact, objects keep every key. */
export type StrictJson = null | boolean | number | bigint | string | StrictJson[] | Map<string, StrictJson>

/** Deeper nesting than this is an error: it is never a tensor header, and would exhaust the stack. */
const MAX_DEPTH = 64

/**
 * Parses JSON without what `JSON.parse` hides: an object with a key twice is an error, and a number written as an
 * integer becomes a `bigint`, so that nothing is rounded and `1.0` is told from `1`. Objects become Maps.
 *
 * @throws SyntaxError that says what is wrong and at which character.
 */
export function parseStrictJson(text: string): StrictJson {
  let at = 0

  const fail = (what: string): never => {
    throw new SyntaxError(`${what} at character ${at}`)
  }
  const skipSpace = () => {
    while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++
  }
  const accept = (char: string): boolean => {
    skipSpace()
    if (text[at] !== char) return false
    at++
    return true
  }
  const expect = (char: string) => {
    if (!accept(char))
      fail(at < text.length ? `expected ${char}, found ${JSON.stringify(text[at])}` : `expected ${char}`)
  }

  const string = (): string => {
    skipSpace()
    if (text[at] !== '"') fail('expected a string')
    let end = at + 1
    while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1
    let value = ''
    try {
      value = JSON.parse(text.slice(at, end + 1))
    } catch {
      fail('bad string')
    }
    if (/\p{Surrogate}/u.test(value)) fail('half a surrogate pair in the string')
    at = end + 1
    return value
  }

  const number = (): number | bigint => {
    const pattern = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (!match) return fail('expected a value')
    // A number long enough to make BigInt slow fits nothing that a header could say.
    if (match[0].length > 1000) fail('number too long')
    at = pattern.lastIndex
    return match[1] === undefined && match[2] === undefined ? BigInt(match[0]) : Number(match[0])
  }

  const object = (depth: number): Map<string, StrictJson> => {
    const entries = new Map<string, StrictJson>()
    if (accept('}')) return entries
    do {
      const key = string()
      if (entries.has(key)) fail(`key ${quote(key)} twice in one object`)
      expect(':')
      entries.set(key, value(depth))
    } while (accept(','))
    expect('}')
    return entries
  }

  const array = (depth: number): StrictJson[] => {
    const items: StrictJson[] = []
    if (accept(']')) return items
    do items.push(value(depth))
    while (accept(','))
    expect(']')
    return items
  }

  const value = (depth: number): StrictJson => {
    if (depth > MAX_DEPTH) fail(`nested deeper than ${MAX_DEPTH} levels`)
    if (accept('{')) return object(depth + 1)
    if (accept('[')) return array(depth + 1)
    if (text[at] === '"') return string()
    for (const [word, meaning] of [
      ['null', null],
      ['true', true],
      ['false', false],
    ] as const) {
      if (!text.startsWith(word, at)) continue
      at += word.length
      return meaning
    }
    return number()
  }

  const result = value(0)
  skipSpace()
  if (at < text.length) fail('more text after the end')
  return result
}
