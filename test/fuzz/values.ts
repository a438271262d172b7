/** Values, texts and bytes that are nearly right: sound ones with something changed in them find more than noise does. */
import fc, { type Arbitrary } from 'fast-check'

export const oddNumber: Arbitrary<number> = fc.oneof(
  fc.constantFrom(-1, 0, -0, 0.5, 1, 2, 3, 1e-320, 1e308, 2 ** 24, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53),
  fc.integer({ min: -3, max: 70 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
)

export const oddText: Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    '__proto__',
    'constructor',
    'toString',
    'length',
    '\ud800',
    '\udc00a',
    '\0',
    'a\nb\r\u2028',
    '\u001b[31m',
  ),
  fc.constantFrom(
    '0',
    '-1',
    'NaN',
    'null',
    'true',
    '__metadata__',
    '\ufeff',
    'ﷺ',
    'İ',
    '[Question]',
    '[xReact] sad',
    'x'.repeat(3000),
  ),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.array(fc.constantFrom(...'aehist .,!?\'"[]()_@\n\t-Ġ0'), { maxLength: 24 }).map((it) => it.join('')),
)

/** Stands for what no value of JavaScript is written as: see {@link jsonOf}. */
const raw = (text: string) => `@raw:${text}`
const rawValues = fc
  .constantFrom(
    ...['1.0', '-0', '1e999', '-1e999', '9007199254740993', '18446744073709551616', '01', 'NaN', `1${'0'.repeat(400)}`],
    ...['[[[[[[[[1]]]]]]]]', '{"a":1,"a":2}', '{"__proto__":{"dialogue":[]}}', '@deep', ''],
  )
  .map(raw)

/** Any value of JSON, however unlikely. */
export const oddValue: Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: oddNumber },
  { weight: 4, arbitrary: oddText },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [null]) },
  { weight: 2, arbitrary: rawValues },
  { weight: 1, arbitrary: fc.array(fc.oneof(oddNumber, oddText), { maxLength: 5 }) },
  { weight: 1, arbitrary: fc.dictionary(oddText, fc.oneof(oddNumber, oddText), { maxKeys: 4 }) },
)

/** Any value of a program, too. */
export const programValue: Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: oddValue.filter((it) => typeof it !== 'string' || !it.startsWith('@raw:')) },
  fc.constantFrom<unknown>(undefined, Number.NaN, Infinity, -Infinity, 5n, [5n], { a: 5n }, Symbol('s'), () => 1),
  fc.constantFrom<unknown>(
    new Array(3),
    Object.create(null),
    new Date(0),
    new Map(),
    new Uint8Array(3),
    new String('a'),
  ),
)

/** So many lists in each other: more than a program that calls itself can follow. */
const deep = '['.repeat(20_000) + ']'.repeat(20_000)

/** The text of a value, with what {@link oddValue} has beyond JavaScript's own. */
export const jsonOf = (value: unknown): string =>
  (JSON.stringify(value) ?? 'null').replace(/"@raw:((?:[^"\\]|\\.)*)"/g, (_, text: string) =>
    text === '@deep' ? deep : JSON.parse(`"${text}"`),
  )

/** A change of a value: what to do, at which place of all there are, and with what. */
const change = fc.record({
  how: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'add', 'repeat', 'swap'),
  at: fc.nat(),
  key: oddText,
  value: oddValue,
})
type Change = typeof change extends Arbitrary<infer T> ? T : never

/** Values with up to three changes in each. */
export const changed = (values: Arbitrary<unknown>, using: Arbitrary<unknown> = oddValue): Arbitrary<unknown> =>
  fc
    .tuple(values, someOf(fc.tuple(change, using)))
    .map(([value, changes]) => changes.reduce((it, [one, value]) => withChange(it, { ...one, value }), value))

function withChange(original: unknown, { how, at, key, value }: Change): unknown {
  const places: { container: object; place: string | number; old: unknown }[] = []
  const copied = (it: unknown): unknown => {
    if (!isPlain(it)) return it
    const copy = Array.isArray(it) ? it.slice() : {}
    for (const [key, old] of Object.entries(it)) {
      set(copy, key, copied(old))
      places.push({ container: copy, place: Array.isArray(it) ? Number(key) : key, old })
    }
    return copy
  }
  const copy = copied(original)
  if (places.length === 0) return value
  const { container, place, old } = places[at % places.length]!
  const other = places[(at * 7 + 1) % places.length]!.old
  if (how === 'replace') set(container, place, value)
  else if (how === 'swap') set(container, place, other)
  else if (how === 'remove') remove(container, place)
  else if (Array.isArray(container)) container.push(how === 'repeat' ? old : value)
  else set(container, key, how === 'repeat' ? old : value)
  return copy
}

/** Lists and objects of JSON; others, such as dates, are not looked into. */
const isPlain = (it: unknown): it is object =>
  typeof it === 'object' && it !== null && [Array.prototype, Object.prototype, null].includes(Object.getPrototypeOf(it))

function remove(container: object, place: string | number): void {
  if (Array.isArray(container)) container.splice(Number(place), 1)
  else delete (container as Record<string, unknown>)[place]
}

/** `__proto__` is a key as any other. */
const set = (target: object, key: string | number, value: unknown) =>
  Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true })

/** Texts with up to three of their characters changed, and sometimes cut. */
export const edited = (texts: Arbitrary<string>): Arbitrary<string> =>
  fc
    .tuple(texts, edits(fc.oneof(fc.constantFrom(...'{}[]",:\\0-eE. \n\r\t\0', 'null', '\ud800', '\ufeff'), oddText)))
    .map(([text, edits]) =>
      edits.reduce(
        (it, [at, cut, put]) => it.slice(0, at % (it.length + 1)) + put + it.slice((at % (it.length + 1)) + cut),
        text,
      ),
    )

/** Bytes with up to three places changed, and sometimes cut. */
export const damaged = (bytes: Arbitrary<Uint8Array>): Arbitrary<Buffer> =>
  fc.tuple(bytes, edits(fc.uint8Array({ maxLength: 9 }))).map(([bytes, edits]) =>
    edits.reduce((it, [at, cut, put]) => {
      const from = at % (it.length + 1)
      return Buffer.concat([it.subarray(0, from), put, it.subarray(from + cut)])
    }, Buffer.from(bytes)),
  )

/** Where, how much goes, and what comes. */
const edits = <T>(put: Arbitrary<T>) =>
  someOf(fc.tuple(fc.nat(), fc.oneof(fc.integer({ min: 0, max: 8 }), fc.constantFrom(1, 1, 1e9)), put))

/** One to three, but mostly none: where all of a file's parts are changed, its first alone is looked at. */
const someOf = <T>(it: Arbitrary<T>): Arbitrary<T[]> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant<T[]>([]) }, fc.array(it, { minLength: 1, maxLength: 3 }))

/** Mostly nothing. */
export const rarely = <T>(it: Arbitrary<T>): Arbitrary<T | null> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(null) }, it)
