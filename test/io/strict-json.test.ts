import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseStrictJson, type StrictJson } from '../../src/io/strict-json.js'

const json = suite('io/strict-json')

/** What JSON.parse would give, where both agree. */
function plain(value: StrictJson): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]))
  if (Array.isArray(value)) return value.map(plain)
  return typeof value === 'bigint' ? Number(value) : value
}

for (const text of [
  '{}',
  ' [ ] ',
  '"a\\"\\\\b\\u00e9\\n"',
  '{"a":{"b":[1,-2,3.5,1e3,-0.0]},"c":null,"d":true,"e":false,"":"é😀"}',
  '\t[1 ,\r\n2]\n',
]) {
  json(`reads ${JSON.stringify(text)} as JSON.parse does`, () => {
    assert.equal(plain(parseStrictJson(text)), JSON.parse(text))
  })
}

json('integers stay exact and are told from other numbers', () => {
  assert.is(parseStrictJson('9007199254740993'), 9007199254740993n)
  assert.is(parseStrictJson('18446744073709551616'), 18446744073709551616n)
  assert.is(parseStrictJson('1.0'), 1)
  assert.is(parseStrictJson('1e2'), 100)
})

for (const [text, cause] of [
  ['', /expected a value at character 0/],
  ['{"a":1,"a":2}', /key "a" twice/],
  ['{"a":1,"\\u0061":2}', /key "a" twice/],
  ['{"x":{"b":1,"b":1}}', /key "b" twice/],
  ['{"a":1', /expected }/],
  ['{"a":1,}', /expected a string/],
  ['{"a" 1}', /expected :, found "1"/],
  ['{a:1}', /expected a string/],
  ['[1,]', /expected a value/],
  ['[1 2]', /expected \]/],
  ['01', /more text after the end/],
  ['+1', /expected a value/],
  ['.5', /expected a value/],
  ['1.', /more text/],
  ['NaN', /expected a value/],
  ['"a', /bad string/],
  ['"\\x"', /bad string/],
  ['"a\nb"', /bad string/],
  ['"\\ud800"', /surrogate/],
  ['{} {}', /more text/],
  ['nul', /expected a value/],
  ['['.repeat(100_000), /nested deeper/],
  [`[${'9'.repeat(2000)}]`, /number too long/],
] as const) {
  json(`refuses ${text.slice(0, 30)}`, () => {
    assert.throws(
      () => parseStrictJson(text),
      (error: Error) => error instanceof SyntaxError && cause.test(error.message),
    )
  })
}

json.run()
